package dev.darkroom.cuda;

import static jcuda.driver.CUstream_flags.CU_STREAM_NON_BLOCKING;

import dev.darkroom.cuda.bind.Cuda;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Supplier;
import jcuda.Pointer;
import jcuda.driver.CUcontext;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUfunction;
import jcuda.driver.CUgraph;
import jcuda.driver.CUgraphExec;
import jcuda.driver.CUresult;
import jcuda.driver.CUstream;
import jcuda.driver.CUstreamCaptureMode;
import jcuda.driver.JCudaDriver;
import org.jspecify.annotations.Nullable;

/**
 * The queue in which a device computes: launches, copies and fills run in the order of the calls.
 *
 * <p>Remembers what it queued last, since a GPU reports a fault only at a later wait.
 */
final class CudaStream implements AutoCloseable {
    private static final int REMEMBERED = 8;

    private final CUcontext context;
    private final CUstream stream = new CUstream();
    private final Deque<String> recent = new ArrayDeque<>();
    private final Map<String, Integer> recordedLaunches = new TreeMap<>();
    private @Nullable Supplier<String> recordedAt; // while work is recorded
    private Thread thread = Thread.currentThread();

    /** @param context current on the calling thread */
    CudaStream(CUcontext context) {
        this.context = context;
        Cuda.check(JCudaDriver.cuStreamCreate(stream, CU_STREAM_NON_BLOCKING), "cuStreamCreate");
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
        remember(name);
        if (recordedAt != null) {
            recordedLaunches.merge(name, 1, Integer::sum);
        }
        check(
                JCudaDriver.cuLaunchKernel(function, x, y, z, threads, 1, 1, sharedBytes, queue, parameters, null),
                "cuLaunchKernel");
    }

    /** Queues a graph. */
    void launch(CudaGraph graph, CUgraphExec executable) {
        remember(graph.toString());
        check(JCudaDriver.cuGraphLaunch(executable, handle()), "cuGraphLaunch");
    }

    private void remember(String name) {
        if (recent.size() == REMEMBERED) {
            recent.removeFirst();
        }
        recent.addLast(name);
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
            if (JCudaDriver.cuStreamEndCapture(handle(), graph)
                    == CUresult.CUDA_SUCCESS) { // else there is none to give back
                check(JCudaDriver.cuGraphDestroy(graph), "cuGraphDestroy");
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
        requireNotRecording("waiting for the device");
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
