package dev.darkroom.dry;

import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Device;
import dev.darkroom.tensor.MemoryPool;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/** Runs models without numbers: the same scopes and the same pool over memory that does not exist. */
public final class DryDevice implements Device {
    private final Tally tally = new Tally();
    private final DType preferredType;
    private final MemoryPool pool;
    private @Nullable ScopeListener listener;

    /** A dry device that computes in {@code preferredType} and has memory without end. */
    public DryDevice(DType preferredType) {
        this.preferredType = preferredType;
        this.pool = new MemoryPool(name(), new AddressSpace(), Long.MAX_VALUE / 2, false);
    }

    /** What ran so far. */
    public Tally tally() {
        return tally;
    }

    @Override
    public String name() {
        return "dry";
    }

    @Override
    public String description() {
        return "shapes, FLOPs, bytes and peak memory; computes nothing";
    }

    @Override
    public DType preferredType() {
        return preferredType;
    }

    @Override
    public Ops ops(Scope scope) {
        return new DryOps(this, scope);
    }

    @Override
    public MemoryPool pool() {
        return pool;
    }

    @Override
    public float[] download(Tensor tensor) {
        throw new IllegalStateException("the dry device computes no values; " + tensor + " cannot be read");
    }

    @Override
    public byte[] downloadBytes(Tensor tensor) {
        throw new IllegalStateException("the dry device computes no values; " + tensor + " cannot be read");
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

    /** Addresses that nothing stands at. */
    private static final class AddressSpace implements MemoryPool.Backing {
        private long next = 4096;

        @Override
        public long reserve(long bytes) {
            long address = next;
            next += bytes;
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
