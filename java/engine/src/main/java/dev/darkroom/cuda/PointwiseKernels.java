package dev.darkroom.cuda;

import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Tensor;

/** Operations element by element: {@code kernels/pointwise.cu}. */
final class PointwiseKernels {
    private static final int THREADS = 256;
    private static final int PACK_BYTES = 16;

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
        unary("converted", x, 0, 0, y);
    }

    /** x u8 → y, from -1 to 1. */
    void fromPixels(Tensor x, Tensor y) {
        unary("fromPixel", x, 0, 0, y);
    }

    /** x, about -1 … 1 → y u8. */
    void toPixels(Tensor x, Tensor y) {
        unary("toPixel", x, 0, 0, y);
    }

    /** {@code count} elements at an address → as many of type {@code to} at another. */
    void convert(long source, DType from, long target, DType to, long count) {
        unary("converted", source, from, 0, 0, target, to, count);
    }

    /** x [n, ..., c] + t [n, c] → y. */
    void addPerChannel(Tensor x, Tensor t, Tensor y) {
        long count = x.shape().count();
        if (count > 0) {
            boolean packed = Grids.inPacks(x.address(), t.address(), y.address(), bytes(x.dim(-1), x));
            binaryKernel("perChannel", "sum", x.dtype())
                    .tensor(x)
                    .tensor(t)
                    .tensor(y)
                    .i64(count)
                    .i32(packed ? 1 : 0)
                    .i64(count / x.dim(0))
                    .i32(x.dim(-1))
                    .launch(blocks(count, x.dtype().bytes()), 1, 1, THREADS, 0);
        }
    }

    /** Rows ids of the table + addend → y; the addend is repeated where it has fewer elements. */
    void embeddingAdd(Tensor ids, Tensor table, Tensor addend, Tensor y) {
        long count = y.shape().count();
        if (count > 0) {
            long period = addend.shape().count();
            boolean packed = Grids.inPacks(
                    table.address(), addend.address(), y.address(), bytes(y.dim(-1), y), bytes(period, y));
            binaryKernel("gathered", "sum", y.dtype())
                    .tensor(ids)
                    .tensor(table)
                    .tensor(addend)
                    .tensor(y)
                    .i64(count)
                    .i32(packed ? 1 : 0)
                    .i64(period)
                    .i32(y.dim(-1))
                    .launch(blocks(count, y.dtype().bytes()), 1, 1, THREADS, 0);
        }
    }

    private void binary(String function, Tensor a, Tensor b, Tensor y) {
        long count = a.shape().count();
        if (count > 0) {
            long period = b.shape().count();
            boolean packed = Grids.inPacks(a.address(), b.address(), y.address())
                    && (period == count || Grids.inPacks(bytes(period, b)));
            binaryKernel("binary", function, a.dtype())
                    .tensor(a)
                    .tensor(b)
                    .tensor(y)
                    .i64(count)
                    .i32(packed ? 1 : 0)
                    .i64(period)
                    .launch(blocks(count, a.dtype().bytes()), 1, 1, THREADS, 0);
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
                    .i32(Grids.inPacks(x, y) ? 1 : 0)
                    .f32(first)
                    .f32(second)
                    .launch(blocks(count, Math.max(from.bytes(), to.bytes())), 1, 1, THREADS, 0);
        }
    }

    private Kernel binaryKernel(String kernel, String function, DType dtype) {
        return modules.kernel("pointwise.cu", kernel, "FROM=" + dtype, "T=" + dtype, "BINARY=" + function);
    }

    private static int blocks(long count, int widestBytes) {
        return Grids.blocks(count, THREADS * PACK_BYTES / widestBytes);
    }

    private static long bytes(long elements, Tensor of) {
        return elements * of.dtype().bytes();
    }
}
