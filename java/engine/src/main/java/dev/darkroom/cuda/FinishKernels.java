package dev.darkroom.cuda;

import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/** What follows sums that cuBLAS or cuDNN has computed: {@code kernels/finish.cu}. */
final class FinishKernels {
    private static final int THREADS = 256;
    private static final int WIDTH = 2; // columns of a thread

    private final Modules modules;

    FinishKernels(Modules modules) {
        this.modules = modules;
    }

    /**
     * y [images, ..., c] = epilogue(sums [images, ..., c]).
     *
     * @param sums f32, or y itself
     */
    void finish(Tensor sums, Epilogue epilogue, int images, Tensor y) {
        long rows = y.shape().rows();
        modules.kernel("finish.cu", "finish", "T=" + y.dtype(), "SUM=" + sums.dtype())
                .tensor(sums)
                .tensor(epilogue.bias())
                .tensor(epilogue.residual())
                .tensor(epilogue.perChannel())
                .tensor(y)
                .i64(rows)
                .i32(Math.toIntExact(rows / images))
                .i32(y.dim(-1))
                .i32(epilogue.activation().number())
                .launch(blocks(rows, y.dim(-1)), 1, 1, THREADS, 0);
    }

    /** y = (sums + bias) · gelu(gates + gateBias); sums and gates f32. */
    void gate(Tensor sums, @Nullable Tensor bias, Tensor gates, @Nullable Tensor gateBias, Tensor y) {
        long rows = y.shape().rows();
        modules.kernel("finish.cu", "gate", "T=" + y.dtype(), "SUM=" + DType.F32)
                .tensor(sums)
                .tensor(bias)
                .tensor(gates)
                .tensor(gateBias)
                .tensor(y)
                .i64(rows)
                .i32(y.dim(-1))
                .launch(blocks(rows, y.dim(-1)), 1, 1, THREADS, 0);
    }

    private static int blocks(long rows, int columns) {
        return Grids.blocks(rows * Grids.blocks(columns, WIDTH), THREADS);
    }
}
