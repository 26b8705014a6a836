package dev.darkroom.cuda;

import java.util.ArrayList;
import java.util.List;
import jcuda.Pointer;
import jcuda.driver.CUfunction;
import jcuda.driver.CUstream;

/** A stream of no GPU: it remembers the launches and computes nothing. */
final class PlannedStream extends CudaStream {
    private static final long SOMEWHERE = 1 << 20;

    private final CUstream nothing = new CUstream();
    private final List<KernelPlan.Launch> launches = new ArrayList<>();

    List<KernelPlan.Launch> launches() {
        return launches;
    }

    @Override
    CUstream handle() {
        return nothing;
    }

    @Override
    void launch(
            String name, CUfunction function, int x, int y, int z, int threads, int sharedBytes, Pointer parameters) {
        launches.add(new KernelPlan.Launch(name, x, y, z, threads, sharedBytes));
    }

    @Override
    long allocate(long bytes) {
        return SOMEWHERE;
    }

    @Override
    void free(long address) {
        // Nothing was allocated.
    }

    @Override
    void copy(long from, long to, long bytes) {
        // Memory that does not exist is neither read nor written.
    }

    @Override
    void fill(long address, byte value, long bytes) {
        // Memory that does not exist is not written.
    }

    @Override
    void synchronize() {
        // Nothing is ever under way.
    }

    @Override
    public void close() {
        // There is no stream.
    }
}
