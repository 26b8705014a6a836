package dev.darkroom.cuda;

import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Tensor;

/** Operations element by element: {@code kernels/pointwise.cu}. */
final class PointwiseKernels {
    private static final int THREADS = 256;
    private static final int PER_BLOCK = 4 * THREADS;

    private final Modules modules;

    PointwiseKernels(Modules modules) {
        this.modules = modules;
    }

    /** a + b → y; b is repeated where it has fewer elements. */
    void add(Tensor a, Tensor b, Tensor y) {
        binary("sum", a, b, y);
    }

    /** a · b → y; b is repeated where it has fewer elements. */
    void mul(Tensor a, Tensor b, Tensor y) {
        binary("product", a, b, y);
    }

    void scale(Tensor x, float factor, Tensor y) {
        unary("scaled", x, factor, 0, y);
    }

    void clip(Tensor x, float low, float high, Tensor y) {
        unary("clipped", x, low, high, y);
    }

    void exp(Tensor x, Tensor y) {
        unary("exponential", x, 0, 0, y);
    }

    void silu(Tensor x, Tensor y) {
        unary("silu", x, 0, 0, y);
    }

    void gelu(Tensor x, Tensor y) {
        unary("gelu", x, 0, 0, y);
    }

    void quickGelu(Tensor x, Tensor y) {
        unary("quickGelu", x, 0, 0, y);
    }

    /** x, of another type → y. */
    void cast(Tensor x, Tensor y) {
        convert(x.address(), x.dtype(), y.address(), y.dtype(), x.shape().count());
    }

    /** {@code count} elements at an address → as many of type {@code to} at another. */
    void convert(long source, DType from, long target, DType to, long count) {
        unary("converted", source, from, 0, 0, target, to, count);
    }

    /** x [n, ..., c] + t [n, c] → y. */
    void addPerChannel(Tensor x, Tensor t, Tensor y) {
        long count = x.shape().count();
        if (count > 0) {
            modules.kernel("pointwise.cu", "perChannel", "T=" + x.dtype(), "BINARY=sum")
                    .tensor(x)
                    .tensor(t)
                    .tensor(y)
                    .i64(count)
                    .i64(count / x.dim(0))
                    .i32(x.dim(-1))
                    .launch(Grids.blocks(count, PER_BLOCK), 1, 1, THREADS, 0);
        }
    }

    private void binary(String function, Tensor a, Tensor b, Tensor y) {
        long count = a.shape().count();
        if (count > 0) {
            modules.kernel("pointwise.cu", "binary", "T=" + a.dtype(), "BINARY=" + function)
                    .tensor(a)
                    .tensor(b)
                    .tensor(y)
                    .i64(count)
                    .i64(b.shape().count())
                    .launch(Grids.blocks(count, PER_BLOCK), 1, 1, THREADS, 0);
        }
    }

    private void unary(String function, Tensor x, float first, float second, Tensor y) {
        unary(
                function,
                x.address(),
                x.dtype(),
                first,
                second,
                y.address(),
                y.dtype(),
                x.shape().count());
    }

    private void unary(String function, long x, DType from, float first, float second, long y, DType to, long count) {
        if (count > 0) {
            modules.kernel("pointwise.cu", "unary", "FROM=" + from, "T=" + to, "UNARY=" + function)
                    .address(x)
                    .address(y)
                    .i64(count)
                    .f32(first)
                    .f32(second)
                    .launch(Grids.blocks(count, PER_BLOCK), 1, 1, THREADS, 0);
        }
    }
}
