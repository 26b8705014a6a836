package dev.darkroom.cuda;

import dev.darkroom.cuda.bind.Cuda;
import jcuda.driver.CUevent;
import jcuda.driver.CUevent_flags;
import jcuda.driver.JCudaDriver;

/** Measures on the device how long the work takes that is queued between two points of a stream. */
final class StreamTimer implements AutoCloseable {
    private final CudaStream stream;
    private final CUevent start = new CUevent();
    private final CUevent end = new CUevent();

    StreamTimer(CudaStream stream) {
        this.stream = stream;
        stream.handle();
        Cuda.check(JCudaDriver.cuEventCreate(start, CUevent_flags.CU_EVENT_DEFAULT), "cuEventCreate");
        Cuda.check(JCudaDriver.cuEventCreate(end, CUevent_flags.CU_EVENT_DEFAULT), "cuEventCreate");
    }

    /** Begins at what is queued next. */
    void start() {
        stream.check(JCudaDriver.cuEventRecord(start, stream.handle()), "cuEventRecord");
    }

    /** The time that everything took that was queued since the start; waits for it. */
    double microseconds() {
        stream.check(JCudaDriver.cuEventRecord(end, stream.handle()), "cuEventRecord");
        stream.check(JCudaDriver.cuEventSynchronize(end), "cuEventSynchronize");
        float[] milliseconds = new float[1];
        stream.check(JCudaDriver.cuEventElapsedTime(milliseconds, start, end), "cuEventElapsedTime");
        return 1000 * milliseconds[0];
    }

    @Override
    public void close() {
        stream.handle();
        Cuda.check(JCudaDriver.cuEventDestroy(start), "cuEventDestroy");
        Cuda.check(JCudaDriver.cuEventDestroy(end), "cuEventDestroy");
    }
}
