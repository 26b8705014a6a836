package dev.darkroom.cuda;

import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Tensor;

/** Launches attention.cu: heads of f16 and bf16 whose width is a multiple of 8 up to 160; for others, the kernels that serve them. */
final class AttentionKernels {
    private static final int WIDEST = 160;
    private static final int QUERIES = 64;
    private static final int THREADS = 128;
    private static final int ELEMENT_BYTES = 2;

    private final Modules modules;
    private final AttentionWideKernels wide;
    private final AttentionGeneralKernels general;

    AttentionKernels(Modules modules) {
        this.modules = modules;
        this.wide = new AttentionWideKernels(modules);
        this.general = new AttentionGeneralKernels(modules);
    }

    /** q, y [n, t, c], k, v [n, s, c] of one type; on tensor cores where they serve, else by general arithmetic. */
    void run(Tensor q, Tensor k, Tensor v, int heads, boolean causal, Tensor y) {
        if (y.shape().count() == 0) {
            return;
        }
        int width = q.dim(2) / heads;
        if (wide.serve(q.dtype(), width, causal)) {
            wide.run(q, k, v, heads, y);
            return;
        }
        if (q.dtype() == DType.F32 || width % 8 != 0 || width > WIDEST) {
            general.run(q, k, v, heads, causal, y);
            return;
        }
        boolean narrow = width <= 80;
        int keys = narrow ? 64 : 32; // so that two blocks of the widest share the shared memory of a multiprocessor
        int row = (width + 15) / 16 * 16 + 8;
        modules.kernel(
                        "attention.cu",
                        "attention",
                        "T=" + q.dtype(),
                        "D=" + width,
                        "KEYS=" + keys,
                        "MIN_BLOCKS=" + (narrow ? 3 : 2))
                .tensor(q)
                .tensor(k)
                .tensor(v)
                .tensor(y)
                .i32(q.dim(1))
                .i32(k.dim(1))
                .i32(causal ? 1 : 0)
                .launch(
                        (q.dim(1) + QUERIES - 1) / QUERIES,
                        heads,
                        q.dim(0),
                        THREADS,
                        (QUERIES + 4 * keys) * row * ELEMENT_BYTES);
    }
}
