package dev.darkroom.cuda;

import dev.darkroom.tensor.Affine;
import dev.darkroom.tensor.Tensor;

/** Layer normalisation: {@code kernels/layernorm.cu}. */
final class LayerNormKernels {
    private static final int THREADS = 256;
    private static final int ROWS_PER_BLOCK = THREADS / 32;

    private final Modules modules;

    LayerNormKernels(Modules modules) {
        this.modules = modules;
    }

    /** x [..., c] normalised over c → y. */
    void run(Tensor x, Affine affine, float epsilon, Tensor y) {
        if (x.shape().count() == 0) {
            return;
        }
        int channels = x.dim(-1);
        int rows = Math.toIntExact(x.shape().rows());
        boolean vector = Grids.inPacks(
                x.address(), y.address(), (long) channels * x.dtype().bytes());
        modules.kernel("layernorm.cu", "layerNorm", "T=" + x.dtype(), "VECTOR=" + (vector ? 1 : 0))
                .tensor(x)
                .tensor(affine.gain())
                .tensor(affine.bias())
                .tensor(y)
                .i32(rows)
                .i32(channels)
                .f32(epsilon)
                .launch(Grids.blocks(rows, ROWS_PER_BLOCK), 1, 1, THREADS, 0);
    }
}
