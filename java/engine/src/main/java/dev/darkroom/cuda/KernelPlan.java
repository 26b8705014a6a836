package dev.darkroom.cuda;

import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Device;
import dev.darkroom.tensor.HostTensor;
import dev.darkroom.tensor.MemoryPool;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Tensor;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import jcuda.driver.CUfunction;
import org.jspecify.annotations.Nullable;

/**
 * Which kernels a computation would launch on a GPU that need not be there.
 *
 * <p>What runs on {@link #device} goes through the same choices of variant, tile and grid as on that GPU, over memory that does not exist, and
 * computes nothing; weights may be shapes without values.
 */
public final class KernelPlan {
    private final GpuProperties gpu;
    private final PlannedStream stream = new PlannedStream();
    private final Set<KernelVariant> variants = new LinkedHashSet<>();

    /**
     * A launch of {@code function} of a variant on a grid of x · y · z blocks of {@code threads} threads.
     *
     * @param sharedBytes of dynamic shared memory
     */
    public record Launch(KernelVariant variant, String function, int x, int y, int z, int threads, int sharedBytes) {}

    private KernelPlan(GpuProperties gpu) {
        this.gpu = gpu;
    }

    /**
     * A plan for a GPU.
     *
     * @param capability      such as 90
     * @param multiprocessors by which tiles are chosen
     */
    public static KernelPlan on(int capability, int multiprocessors) {
        int sharedBytes = capability < 80 ? 64 << 10 : 99 << 10; // what every GPU from there on has
        return new KernelPlan(new GpuProperties("a GPU", capability, multiprocessors, sharedBytes));
    }

    /** A device whose launches this plan remembers. Values cannot be read from it. */
    public Device device() {
        Modules modules = new Modules(stream, gpu, (file, function, defines) -> {
            KernelVariant variant = new KernelVariant(file, defines);
            variants.add(variant);
            CUfunction handle = new CUfunction();
            stream.expect(handle, variant);
            return new Kernel(stream, function, handle);
        });
        return new Planned(new CudaEngine(modules, new NoStaging(), ServingTables.builtIn(), library -> {
            throw new IllegalStateException("the table built in asks for no " + library.title());
        }));
    }

    /** The launches so far, in order. */
    public List<Launch> launches() {
        return List.copyOf(stream.launches());
    }

    /** Starts the list of launches anew. */
    public void forgetLaunches() {
        stream.launches().clear();
    }

    /** The variants that were launched so far, in the order of their first use. */
    public Set<KernelVariant> variants() {
        return new LinkedHashSet<>(variants);
    }

    /** Values never arrive; what would become of the first piece is planned. */
    private static final class NoStaging extends Staging {
        @Override
        void upload(HostTensor values, long unitBytes, Arrival arrival) {
            long most = unitBytes == 0 ? SLOT_BYTES : SLOT_BYTES / unitBytes * unitBytes;
            arrival.take(1 << 20, 0, (int) Math.min(most, values.byteSize()));
        }
    }

    /** The CUDA device over nothing. */
    private static final class Planned implements Device {
        private final CudaEngine engine;
        private final MemoryPool pool = new MemoryPool(name(), new AddressSpace(), Long.MAX_VALUE / 2, false);
        private @Nullable ScopeListener listener;

        Planned(CudaEngine engine) {
            this.engine = engine;
        }

        @Override
        public String name() {
            return "cuda plan";
        }

        @Override
        public String description() {
            return "the kernels that would be launched; computes nothing";
        }

        @Override
        public DType preferredType() {
            return DType.F16;
        }

        @Override
        public Ops ops(Scope scope) {
            return new CudaOps(this, engine, scope);
        }

        @Override
        public MemoryPool pool() {
            return pool;
        }

        @Override
        public float[] download(Tensor tensor) {
            throw new IllegalStateException("a plan computes no values; " + tensor + " cannot be read");
        }

        @Override
        public byte[] downloadBytes(Tensor tensor) {
            throw new IllegalStateException("a plan computes no values; " + tensor + " cannot be read");
        }

        @Override
        public void synchronize() {
            // Nothing is ever under way.
        }

        @Override
        public void observe(@Nullable ScopeListener newListener) {
            listener = newListener;
        }

        @Override
        public @Nullable ScopeListener observer() {
            return listener;
        }

        @Override
        public void close() {
            pool.close();
        }
    }

    /** Addresses that nothing stands at. */
    private static final class AddressSpace implements MemoryPool.Backing {
        private static final long ALIGNMENT = 512; // as cuMemAlloc aligns

        private long next = 1 << 20;

        @Override
        public long reserve(long bytes) {
            long address = next;
            next += (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
            return address;
        }

        @Override
        public void release(long address, long bytes) {
            // Addresses are never used twice.
        }

        @Override
        public void poison(long address, long bytes) {
            throw new IllegalStateException("memory that does not exist cannot be filled");
        }
    }
}
