package dev.darkroom.cpu;

/** The parts that compute, one of each for a device. */
final class CpuEngine {
    final OneDnn library;
    final MatMul matMul;
    final Convolution convolution;
    final Upsampling upsampling;
    final Attention attention;
    final Normalization normalization;
    final Pointwise pointwise;
    final Packing packing;

    CpuEngine(OneDnn library) {
        this.library = library;
        Kernels kernels = new Kernels(library);
        matMul = new MatMul(kernels);
        convolution = new Convolution(kernels);
        upsampling = new Upsampling(kernels);
        attention = new Attention(kernels);
        normalization = new Normalization(kernels);
        pointwise = new Pointwise(kernels);
        packing = new Packing(kernels, matMul, convolution, upsampling);
    }
}
