package dev.darkroom.tensor;

import org.jspecify.annotations.Nullable;

/**
 * Memory and operations of one processor. Work is queued in order; only {@link #download} and {@link #synchronize} wait for it.
 *
 * <p>Driven by one thread at a time.
 */
public interface Device extends AutoCloseable {
    /** Sees what a scope returned, as it leaves it: the path of the scope and the tensor; for references and captures. */
    @FunctionalInterface
    interface ScopeListener {
        void returned(String path, Tensor result);
    }

    /** As users name it: {@code cpu}, {@code cuda:0}, {@code dry}. */
    String name();

    /** What it is, in a line for people: processor, instruction set, threads, libraries. */
    String description();

    /** The element type that runs fastest here without visible loss: bf16, f16 or f32. */
    DType preferredType();

    /** The operations, with results owned by {@code scope}. */
    Ops ops(Scope scope);

    /** The allocator of this device's memory. */
    MemoryPool pool();

    /** The values of {@code tensor} as f32; waits for the work queued so far. */
    float[] download(Tensor tensor);

    /** The bytes of a u8 {@code tensor}; waits for the work queued so far. */
    byte[] downloadBytes(Tensor tensor);

    /** Waits for the work queued so far. */
    void synchronize();

    /** Has {@code listener} see every tensor that leaves a scope from now on; null for none. */
    void observe(@Nullable ScopeListener listener);

    /** The listener set by {@link #observe}. */
    @Nullable
    ScopeListener observer();

    /** How the runs of recordings ({@link Ops#recording}) were carried out so far. */
    default RecordingStatistics recordings() {
        return RecordingStatistics.NONE;
    }

    /**
     * Gives the device back.
     *
     * @throws IllegalStateException when tensors are still alive; names their scopes
     */
    @Override
    void close();
}
