package dev.darkroom.cuda;

import dev.darkroom.cuda.bind.CudaLibrary;
import dev.darkroom.cuda.bind.LibraryBinding;
import java.util.function.Function;

/** What carries out a device's operations. */
final class CudaEngine implements AutoCloseable {
    final GpuProperties gpu;
    final CudaStream stream;
    final ArrivalCounters arrivals;
    final Recordings recordings;
    final Uploads uploads;
    final LibraryProducts libraries;
    final GemmKernels gemm;
    final ConvolutionKernels convolution;
    final AttentionKernels attention;
    final GroupNormKernels groupNorm;
    final LayerNormKernels layerNorm;
    final PointwiseKernels pointwise;
    final MovementKernels movement;
    final DiffusionKernels diffusion;
    final RandomKernels random;

    /**
     * @param table    says who computes which products
     * @param bindings cuBLAS and cuDNN, bound when they are first asked for
     */
    CudaEngine(Modules modules, Staging staging, ServingTable table, Function<CudaLibrary, LibraryBinding> bindings) {
        gpu = modules.gpu();
        stream = modules.stream();
        pointwise = new PointwiseKernels(modules);
        uploads = new Uploads(stream, staging, pointwise, new ConversionKernels(modules));
        arrivals = new ArrivalCounters(stream);
        recordings = new Recordings();
        MomentsKernels moments = new MomentsKernels(modules, arrivals);
        libraries = new LibraryProducts(modules, moments, table, bindings);
        gemm = new GemmKernels(modules, arrivals, libraries);
        convolution = new ConvolutionKernels(modules, arrivals, gemm, libraries);
        attention = new AttentionKernels(modules);
        groupNorm = new GroupNormKernels(modules, moments);
        layerNorm = new LayerNormKernels(modules);
        movement = new MovementKernels(modules);
        diffusion = new DiffusionKernels(modules);
        random = new RandomKernels(modules);
    }

    @Override
    public void close() {
        try (libraries) {
            recordings.close();
            arrivals.close();
        }
    }
}
