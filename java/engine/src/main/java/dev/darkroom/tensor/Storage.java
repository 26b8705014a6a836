package dev.darkroom.tensor;

import org.jspecify.annotations.Nullable;

/** One block of device memory, owned by exactly one scope; tensors are typed views of it. */
final class Storage {
    private final MemoryPool pool;
    private MemoryPool.@Nullable Block block;
    private Scope owner;
    private String releasedBy = "";

    Storage(MemoryPool pool, MemoryPool.Block block, Scope owner) {
        this.pool = pool;
        this.block = block;
        this.owner = owner;
    }

    Scope owner() {
        return owner;
    }

    void moveTo(Scope scope) {
        MemoryPool.Block held = block;
        if (held != null) {
            owner = scope;
            held.moveTo(scope);
        }
    }

    long address() {
        MemoryPool.Block held = block;
        if (held == null) {
            throw new IllegalStateException("use of a tensor after its scope \"" + releasedBy
                    + "\" released it; return it from the scope, or keep what needs it inside");
        }
        return held.address();
    }

    boolean isAlive() {
        return block != null;
    }

    void release() {
        MemoryPool.Block held = block;
        if (held != null) {
            releasedBy = owner.path();
            block = null;
            pool.free(held);
        }
    }
}
