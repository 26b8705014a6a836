package dev.darkroom.cuda;

import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Objects;
import java.util.function.IntSupplier;
import jcuda.Pointer;
import jcuda.driver.CUfunction;
import jcuda.driver.CUstream;

/** A stream of no GPU: it remembers the launches and computes nothing. */
final class PlannedStream extends CudaStream {
    private final CUstream nothing = new CUstream();
    private final List<KernelPlan.Launch> launches = new ArrayList<>();
    private final IdentityHashMap<CUfunction, KernelVariant> variants = new IdentityHashMap<>();

    /** Tells what a function that will be launched was compiled of. */
    void expect(CUfunction function, KernelVariant variant) {
        variants.put(function, variant);
    }

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
        KernelVariant variant = Objects.requireNonNull(variants.get(function), name);
        launches.add(new KernelPlan.Launch(variant, name, x, y, z, threads, sharedBytes));
    }

    @Override
    void make(String call, IntSupplier driver) {
        // Memory that does not exist is neither taken nor written.
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
