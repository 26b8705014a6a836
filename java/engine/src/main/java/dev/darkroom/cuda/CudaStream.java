package dev.darkroom.cuda;

import static jcuda.driver.CUstream_flags.CU_STREAM_NON_BLOCKING;

import dev.darkroom.cuda.bind.Cuda;
import java.util.ArrayDeque;
import java.util.Deque;
import jcuda.Pointer;
import jcuda.driver.CUcontext;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUfunction;
import jcuda.driver.CUstream;
import jcuda.driver.JCudaDriver;

/**
 * The queue in which a device computes: launches, copies and fills run in the order of the calls.
 *
 * <p>Remembers what it queued last, since a GPU reports a fault only at a later wait.
 */
class CudaStream implements AutoCloseable {
    private static final int REMEMBERED = 8;

    private final CUcontext context;
    private final CUstream stream = new CUstream();
    private final Deque<String> recent = new ArrayDeque<>();
    private Thread thread = Thread.currentThread();

    /** @param context current on the calling thread */
    CudaStream(CUcontext context) {
        this.context = context;
        Cuda.check(JCudaDriver.cuStreamCreate(stream, CU_STREAM_NON_BLOCKING), "cuStreamCreate");
    }

    /** A stream of no GPU, for {@link PlannedStream}, which takes what is queued. */
    CudaStream() {
        context = new CUcontext();
    }

    /** The stream itself; the context is current on the calling thread afterwards. */
    CUstream handle() {
        if (Thread.currentThread() != thread) {
            Cuda.check(JCudaDriver.cuCtxSetCurrent(context), "cuCtxSetCurrent");
            thread = Thread.currentThread();
        }
        return stream;
    }

    /** Queues a kernel; {@code parameters} may be overwritten as soon as this returns. */
    void launch(
            String name, CUfunction function, int x, int y, int z, int threads, int sharedBytes, Pointer parameters) {
        CUstream queue = handle();
        if (recent.size() == REMEMBERED) {
            recent.removeFirst();
        }
        recent.addLast(name);
        check(
                JCudaDriver.cuLaunchKernel(function, x, y, z, threads, 1, 1, sharedBytes, queue, parameters, null),
                "cuLaunchKernel");
    }

    /** Device memory of this size, of which nothing is known. */
    long allocate(long bytes) {
        handle();
        DeviceAddress address = new DeviceAddress();
        check(JCudaDriver.cuMemAlloc(address, bytes), "cuMemAlloc of " + bytes + " bytes");
        return address.value();
    }

    /** Gives back what {@link #allocate} gave. */
    void free(long address) {
        handle();
        check(JCudaDriver.cuMemFree(DeviceAddress.of(address)), "cuMemFree");
    }

    /** Queues a copy within the device. */
    void copy(long from, long to, long bytes) {
        CUstream queue = handle();
        check(
                JCudaDriver.cuMemcpyDtoDAsync(DeviceAddress.of(to), DeviceAddress.of(from), bytes, queue),
                "cuMemcpyDtoDAsync");
    }

    /** Queues setting {@code bytes} bytes to {@code value}. */
    void fill(long address, byte value, long bytes) {
        CUdeviceptr target = DeviceAddress.of(address);
        check(JCudaDriver.cuMemsetD8Async(target, value, bytes, handle()), "cuMemsetD8Async");
    }

    /** Waits for everything queued so far. */
    void synchronize() {
        check(JCudaDriver.cuStreamSynchronize(handle()), "cuStreamSynchronize");
    }

    /** Throws when {@code code} is an error; the message names the kernels queued last. */
    void check(int code, String call) {
        if (code != 0) {
            String last = recent.isEmpty() ? "nothing was launched yet" : "launched last: " + String.join(", ", recent);
            Cuda.check(code, call, last);
        }
    }

    @Override
    public void close() {
        Cuda.check(JCudaDriver.cuStreamDestroy(handle()), "cuStreamDestroy");
    }
}
