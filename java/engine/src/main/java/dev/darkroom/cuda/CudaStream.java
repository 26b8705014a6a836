package dev.darkroom.cuda;

import static jcuda.driver.CUstream_flags.CU_STREAM_NON_BLOCKING;

import java.util.function.IntSupplier;
import jcuda.Pointer;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUfunction;
import jcuda.driver.CUstream;
import jcuda.driver.JCudaDriver;
import org.jspecify.annotations.Nullable;

/** The queue in which a device computes: launches, copies and fills run in the order of the calls. */
class CudaStream implements AutoCloseable {
    private final @Nullable CudaContext context; // null for a stream of no GPU
    private final DriverErrors errors;
    private final CUstream stream = new CUstream();
    private Thread thread = Thread.currentThread();

    /** @param context current on the calling thread */
    CudaStream(CudaContext context, DriverErrors errors) {
        this.context = context;
        this.errors = errors;
        make("cuStreamCreate", () -> JCudaDriver.cuStreamCreate(stream, CU_STREAM_NON_BLOCKING));
    }

    /** A stream of no GPU, for {@link PlannedStream}, which takes what is queued. */
    CudaStream() {
        context = null;
        errors = new DriverErrors("a plan");
    }

    DriverErrors errors() {
        return errors;
    }

    /** The stream itself; the context is current on the calling thread afterwards. */
    CUstream handle() {
        errors.requireDevice();
        return handleForReturns();
    }

    /** As {@link #handle}, for what gives something back, which is tried on a lost device as well. */
    CUstream handleForReturns() {
        if (context != null && Thread.currentThread() != thread) {
            context.makeCurrent();
            thread = Thread.currentThread();
        }
        return stream;
    }

    /** Queues a kernel; {@code parameters} may be overwritten as soon as this returns. */
    void launch(
            String name, CUfunction function, int x, int y, int z, int threads, int sharedBytes, Pointer parameters) {
        CUstream queue = handle();
        errors.launching(name);
        int code = JCudaDriver.cuLaunchKernel(function, x, y, z, threads, 1, 1, sharedBytes, queue, parameters, null);
        if (errors.makesRoom(code)) { // the driver loads code and grows stacks when it must
            code = JCudaDriver.cuLaunchKernel(function, x, y, z, threads, 1, 1, sharedBytes, queue, parameters, null);
        }
        errors.check(code, "cuLaunchKernel");
    }

    /** Queues a copy within the device. */
    void copy(long from, long to, long bytes) {
        CUstream queue = handle();
        make(
                "cuMemcpyDtoDAsync",
                () -> JCudaDriver.cuMemcpyDtoDAsync(DeviceAddress.of(to), DeviceAddress.of(from), bytes, queue));
    }

    /** Queues setting {@code bytes} bytes to {@code value}. */
    void fill(long address, byte value, long bytes) {
        CUstream queue = handle();
        CUdeviceptr target = DeviceAddress.of(address);
        make("cuMemsetD8Async", () -> JCudaDriver.cuMemsetD8Async(target, value, bytes, queue));
    }

    /** Waits for everything queued so far. */
    void synchronize() {
        check(JCudaDriver.cuStreamSynchronize(handle()), "cuStreamSynchronize");
    }

    /** Throws when {@code code} is an error of {@code call}. */
    void check(int code, String call) {
        errors.check(code, call);
    }

    /** Makes a call that may take memory; where there is none, once more after the pool has given back its cache. */
    void make(String call, IntSupplier driver) {
        errors.make(call, driver);
    }

    @Override
    public void close() {
        errors.checkReturn(JCudaDriver.cuStreamDestroy(handleForReturns()), "cuStreamDestroy");
    }
}
