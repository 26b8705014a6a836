package dev.darkroom.cuda;

/** What carries out a device's operations. */
final class CudaEngine implements AutoCloseable {
    final GpuProperties gpu;
    final CudaStream stream;
    final ArrivalCounters arrivals;
    final Recordings recordings;
    final Uploads uploads;
    final GemmKernels gemm;
    final ConvolutionKernels convolution;
    final AttentionKernels attention;
    final GroupNormKernels groupNorm;
    final LayerNormKernels layerNorm;
    final PointwiseKernels pointwise;
    final MovementKernels movement;
    final DiffusionKernels diffusion;
    final RandomKernels random;

    CudaEngine(Modules modules, Staging staging) {
        gpu = modules.gpu();
        stream = modules.stream();
        pointwise = new PointwiseKernels(modules);
        uploads = new Uploads(stream, staging, pointwise, new ConversionKernels(modules));
        arrivals = new ArrivalCounters(stream);
        recordings = new Recordings();
        gemm = new GemmKernels(modules, arrivals);
        convolution = new ConvolutionKernels(modules, arrivals, gemm);
        attention = new AttentionKernels(modules);
        groupNorm = new GroupNormKernels(modules, arrivals);
        layerNorm = new LayerNormKernels(modules);
        movement = new MovementKernels(modules);
        diffusion = new DiffusionKernels(modules);
        random = new RandomKernels(modules);
    }

    @Override
    public void close() {
        recordings.close();
        arrivals.close();
    }
}
