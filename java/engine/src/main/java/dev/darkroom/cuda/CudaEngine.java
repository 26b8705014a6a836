package dev.darkroom.cuda;

/** What carries out a device's operations. */
final class CudaEngine implements AutoCloseable {
    final GpuProperties gpu;
    final CudaStream stream;
    final ArrivalCounters arrivals;
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

    /** @param libraries closed with the engine */
    CudaEngine(Modules modules, Staging staging, LibraryProducts libraries) {
        this.libraries = libraries;
        gpu = modules.gpu();
        stream = modules.stream();
        pointwise = new PointwiseKernels(modules);
        uploads = new Uploads(stream, staging, pointwise, new ConversionKernels(modules));
        arrivals = new ArrivalCounters(stream);
        gemm = new GemmKernels(modules, arrivals, libraries);
        convolution = new ConvolutionKernels(modules, arrivals, gemm, libraries);
        attention = new AttentionKernels(modules);
        groupNorm = new GroupNormKernels(modules);
        layerNorm = new LayerNormKernels(modules);
        movement = new MovementKernels(modules);
        diffusion = new DiffusionKernels(modules);
    }

    @Override
    public void close() {
        try (libraries) {
            arrivals.close();
        }
    }
}
