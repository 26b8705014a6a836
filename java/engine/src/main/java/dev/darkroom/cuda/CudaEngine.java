package dev.darkroom.cuda;

/** What carries out a device's operations. */
final class CudaEngine {
    final GpuProperties gpu;
    final CudaStream stream;
    final Uploads uploads;
    final GemmKernels gemm;
    final ConvolutionKernels convolution;
    final AttentionKernels attention;
    final GroupNormKernels groupNorm;
    final LayerNormKernels layerNorm;
    final PointwiseKernels pointwise;
    final MovementKernels movement;
    final DiffusionKernels diffusion;

    CudaEngine(Modules modules, Staging staging) {
        gpu = modules.gpu();
        stream = modules.stream();
        pointwise = new PointwiseKernels(modules);
        uploads = new Uploads(stream, staging, pointwise, new ConversionKernels(modules));
        SplitKernels split = new SplitKernels(modules);
        gemm = new GemmKernels(modules, split);
        convolution = new ConvolutionKernels(modules, split, gemm);
        attention = new AttentionKernels(modules);
        groupNorm = new GroupNormKernels(modules);
        layerNorm = new LayerNormKernels(modules);
        movement = new MovementKernels(modules);
        diffusion = new DiffusionKernels(modules);
    }
}
