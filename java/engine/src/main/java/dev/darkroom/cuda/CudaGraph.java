package dev.darkroom.cuda;

import dev.darkroom.cuda.bind.Cuda;
import java.util.Map;
import java.util.TreeMap;
import jcuda.driver.CUgraph;
import jcuda.driver.CUgraphExec;
import jcuda.driver.JCudaDriver;

/** Work that a stream has recorded, queued again by one call. */
final class CudaGraph implements AutoCloseable {
    private final CudaStream stream;
    private final CUgraphExec executable;
    private final Map<String, Integer> launches;

    private CudaGraph(CudaStream stream, CUgraphExec executable, Map<String, Integer> launches) {
        this.stream = stream;
        this.executable = executable;
        this.launches = launches;
    }

    /**
     * The executable form of {@code recorded}, which is given back.
     *
     * @param launches how often it launches which kernel
     */
    static CudaGraph of(CudaStream stream, CUgraph recorded, Map<String, Integer> launches) {
        CUgraphExec executable = new CUgraphExec();
        int code = JCudaDriver.cuGraphInstantiate(executable, recorded, 0);
        int destroyed = JCudaDriver.cuGraphDestroy(recorded);
        stream.check(code, "cuGraphInstantiate");
        stream.check(destroyed, "cuGraphDestroy");
        return new CudaGraph(stream, executable, new TreeMap<>(launches));
    }

    /** Queues all of it. */
    void launch() {
        stream.launch(this, executable);
    }

    /** How often it launches which kernel. */
    Map<String, Integer> launches() {
        return launches;
    }

    @Override
    public void close() {
        stream.handle();
        Cuda.check(
                JCudaDriver.cuGraphExecDestroy(executable),
                "cuGraphExecDestroy"); // waits for nothing: what runs is finished first
    }

    @Override
    public String toString() {
        return "a graph of " + launches.values().stream().mapToInt(each -> each).sum() + " kernels";
    }
}
