package dev.darkroom.cuda;

import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Tensor;

/** Launches attention_wide.cu: heads of f16 and bf16 whose width is a multiple of 8 from 168 to 512. */
final class AttentionWideKernels {
    private static final int NARROWEST = 168;
    private static final int WIDEST = 512;
    private static final int QUERIES = 64;
    private static final int KEYS = 16;
    private static final int PARTS = 4; // of the width, one a warp
    private static final int THREADS = 256;
    private static final int PAD = 8; // elements after a row in shared memory
    private static final int ELEMENT_BYTES = 2;

    private final Modules modules;

    AttentionWideKernels(Modules modules) {
        this.modules = modules;
    }

    /** Whether {@link #run} can take heads of this type and width: not on a GPU whose shared memory is too small. */
    boolean serve(DType dtype, int width, boolean causal) {
        return dtype != DType.F32
                && width % 8 == 0
                && width >= NARROWEST
                && width <= WIDEST
                && !causal
                && sharedBytes(width) <= modules.gpu().sharedBytesPerBlock();
    }

    /** As {@link AttentionKernels#run}, without a mask. */
    void run(Tensor q, Tensor k, Tensor v, int heads, Tensor y) {
        int width = q.dim(2) / heads;
        modules.kernel("attention_wide.cu", "attention", "T=" + q.dtype(), "D=" + width)
                .tensor(q)
                .tensor(k)
                .tensor(v)
                .tensor(y)
                .i32(q.dim(1))
                .i32(k.dim(1))
                .launch((q.dim(1) + QUERIES - 1) / QUERIES, heads, q.dim(0), THREADS, sharedBytes(width));
    }

    /** Two tiles each of keys and values, weights, scores of a tile's keys on their way between warps, and a number for each query. */
    private static int sharedBytes(int width) {
        int row = (width + 16 * PARTS - 1) / (16 * PARTS) * (16 * PARTS) + PAD;
        int elements = 4 * KEYS * row + QUERIES * (KEYS + PAD);
        int floats = (PARTS - 1) * QUERIES * KEYS + QUERIES;
        return ELEMENT_BYTES * elements + Float.BYTES * floats;
    }
}
