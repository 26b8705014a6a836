package dev.darkroom.cuda;

import dev.darkroom.tensor.Tensor;

/** Launches attention_general.cu: any type and any width of head that shared memory has room for. */
final class AttentionGeneralKernels {
    private static final int WIDEST = 512; // sixteen queries in 48 KiB of shared memory
    private static final int QUERIES = 16;
    private static final int THREADS = 128;

    private final Modules modules;

    AttentionGeneralKernels(Modules modules) {
        this.modules = modules;
    }

    /** As {@link AttentionKernels#run}. */
    void run(Tensor q, Tensor k, Tensor v, int heads, boolean causal, Tensor y) {
        int width = q.dim(2) / heads;
        if (width > WIDEST) {
            throw new IllegalArgumentException("attention with heads of " + width
                    + " channels: the cuda device has heads of" + " up to " + WIDEST);
        }
        modules.kernel("attention_general.cu", "attention", "T=" + q.dtype(), "D=" + width)
                .tensor(q)
                .tensor(k)
                .tensor(v)
                .tensor(y)
                .i32(q.dim(1))
                .i32(k.dim(1))
                .i32(causal ? 1 : 0)
                .launch((q.dim(1) + QUERIES - 1) / QUERIES, heads, q.dim(0), THREADS, 0);
    }
}
