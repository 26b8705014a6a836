package dev.darkroom.tensor;

import org.jspecify.annotations.Nullable;

/** One block of device memory, owned by exactly one scope; tensors are typed views of it. */
final class Storage {
    /** F32 numbers behind the {@code bytes} of a tensor. */
    record Tail(long bytes, Shape shape) {
        private static final int ALIGNMENT = 16; // of every vector load

        /** Where they begin. */
        long offset() {
            return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
        }
    }

    private final MemoryPool pool;
    private final @Nullable Tail tail;
    private @Nullable MemoryBlock block;
    private Scope owner;
    private String releasedBy = "";

    Storage(MemoryPool pool, MemoryBlock block, Scope owner, @Nullable Tail tail) {
        this.pool = pool;
        this.tail = tail;
        this.block = block;
        this.owner = owner;
    }

    @Nullable
    Tail tail() {
        return tail;
    }

    Scope owner() {
        return owner;
    }

    void moveTo(Scope scope) {
        MemoryBlock held = block;
        if (held != null) {
            owner = scope;
            held.moveTo(scope);
        }
    }

    long address() {
        MemoryBlock held = block;
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
        MemoryBlock held = block;
        if (held != null) {
            releasedBy = owner.path();
            block = null;
            pool.free(held);
        }
    }
}
