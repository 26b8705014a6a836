package dev.darkroom.cuda;

import static jcuda.driver.CUstream_flags.CU_STREAM_NON_BLOCKING;

import java.util.Map;
import java.util.TreeMap;
import java.util.function.IntSupplier;
import java.util.function.Supplier;
import jcuda.Pointer;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUfunction;
import jcuda.driver.CUgraph;
import jcuda.driver.CUgraphExec;
import jcuda.driver.CUresult;
import jcuda.driver.CUstream;
import jcuda.driver.CUstreamCaptureMode;
import jcuda.driver.JCudaDriver;
import org.jspecify.annotations.Nullable;

/** The queue in which a device computes: launches, copies and fills run in the order of the calls. */
class CudaStream implements AutoCloseable {
    private final @Nullable CudaContext context; // null for a stream of no GPU
    private final DriverErrors errors;
    private final CUstream stream = new CUstream();
    private final Map<String, Integer> recordedLaunches = new TreeMap<>();
    private @Nullable Supplier<String> recordedAt; // while work is recorded
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
        if (recordedAt != null) {
            recordedLaunches.merge(name, 1, Integer::sum);
        }
        int code = JCudaDriver.cuLaunchKernel(function, x, y, z, threads, 1, 1, sharedBytes, queue, parameters, null);
        if (recordedAt == null && errors.makesRoom(code)) { // the driver loads code and grows stacks when it must
            code = JCudaDriver.cuLaunchKernel(function, x, y, z, threads, 1, 1, sharedBytes, queue, parameters, null);
        }
        errors.check(code, "cuLaunchKernel");
    }

    /** Queues a graph. */
    void launch(CudaGraph graph, CUgraphExec executable) {
        CUstream queue = handle();
        errors.launching(graph.toString());
        make("cuGraphLaunch", () -> JCudaDriver.cuGraphLaunch(executable, queue));
    }

    /**
     * From now on what is queued is recorded and not run, until {@link #endRecording} or {@link #abandonRecording}.
     *
     * @param where the scope that the work has come to, for messages
     */
    void beginRecording(Supplier<String> where) {
        check(
                JCudaDriver.cuStreamBeginCapture(handle(), CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL),
                "cuStreamBeginCapture");
        recordedAt = where;
        recordedLaunches.clear();
    }

    /** What was recorded. */
    CudaGraph endRecording() {
        recordedAt = null;
        CUgraph graph = new CUgraph();
        check(JCudaDriver.cuStreamEndCapture(handle(), graph), "cuStreamEndCapture");
        return CudaGraph.of(this, graph, recordedLaunches);
    }

    /** Forgets what was recorded, after something else has failed; does nothing where nothing is recorded. */
    void abandonRecording() {
        if (recordedAt != null) {
            recordedAt = null;
            CUgraph graph = new CUgraph();
            int code = JCudaDriver.cuStreamEndCapture(handleForReturns(), graph);
            if (code == CUresult.CUDA_SUCCESS) { // else there is none to give back
                errors.checkReturn(JCudaDriver.cuGraphDestroy(graph), "cuGraphDestroy");
            }
        }
    }

    /** Throws while work is recorded: {@code what} cannot be part of a graph. */
    void requireNotRecording(String what) {
        if (recordedAt != null) {
            throw new IllegalStateException(what + " at " + recordedAt.get()
                    + ", in work that is being recorded: it must be done before or after");
        }
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
        requireNotRecording("waiting for the device");
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
