package dev.darkroom.cpu;

import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Tensor;
import org.bytedeco.dnnl.binary;
import org.bytedeco.dnnl.concat;
import org.bytedeco.dnnl.eltwise_forward;
import org.bytedeco.dnnl.global.dnnl;
import org.bytedeco.dnnl.memory;
import org.bytedeco.dnnl.memory_desc_vector;

/** Functions of single elements, sums and products of two tensors, changes of type, and channels put together or apart. */
final class Pointwise {
    private final Kernels kernels;

    private record FunctionKey(long count, DType dtype, dnnl.algorithm function, float alpha, float beta) {}

    private record BinaryKey(long rows, long columns, boolean repeated, DType dtype, dnnl.algorithm function) {}

    private record CastKey(long count, DType from, DType to) {}

    private record ConcatKey(long rows, int left, int right, DType dtype) {}

    private record SliceKey(long rows, int from, int to, int channels, DType dtype) {}

    Pointwise(Kernels kernels) {
        this.kernels = kernels;
    }

    /** y = function(x) with oneDNN's parameters {@code alpha} and {@code beta}. */
    void function(Scope scope, Tensor x, dnnl.algorithm function, float alpha, float beta, Tensor y) {
        FunctionKey key = new FunctionKey(x.shape().count(), x.dtype(), function, alpha, beta);
        kernels.get(key, this::makeFunction).run(scope, x.address(), y.address());
    }

    /** y = a + b or a · b; b, of {@code columns} elements, is repeated for each row of a. */
    void binary(Scope scope, dnnl.algorithm function, long a, long b, long y, DType dtype, long rows, long columns) {
        boolean repeated = rows > 1;
        BinaryKey key = new BinaryKey(rows, columns, repeated, dtype, function);
        kernels.get(key, this::makeBinary).run(scope, a, b, y);
    }

    /** y = x in y's type. */
    void cast(Scope scope, Tensor x, Tensor y) {
        CastKey key = new CastKey(x.shape().count(), x.dtype(), y.dtype());
        kernels.get(
                        key,
                        k -> Packing.reorder(
                                kernels.library(), Layouts.rowMajor(k.from, k.count), Layouts.rowMajor(k.to, k.count)))
                .run(scope, x.address(), y.address());
    }

    /** a [rows, p], b [rows, q] → y [rows, p + q]. */
    void concat(Scope scope, Tensor a, Tensor b, Tensor y) {
        ConcatKey key = new ConcatKey(a.shape().rows(), a.dim(-1), b.dim(-1), a.dtype());
        kernels.get(key, this::makeConcat).run(scope, a.address(), b.address(), y.address());
    }

    /** x [rows, c] → y [rows, to - from]. */
    void slice(Scope scope, Tensor x, int from, int to, Tensor y) {
        SliceKey key = new SliceKey(x.shape().rows(), from, to, x.dim(-1), x.dtype());
        kernels.get(key, this::makeSlice)
                .run(scope, x.address() + (long) from * x.dtype().bytes(), y.address());
    }

    private Kernel makeFunction(FunctionKey key) {
        memory.desc flat = Layouts.rowMajor(key.dtype, key.count);
        eltwise_forward.primitive_desc description = new eltwise_forward.primitive_desc(
                kernels.library().engine(),
                dnnl.prop_kind.forward_inference,
                key.function,
                flat,
                flat,
                key.alpha,
                key.beta,
                Layouts.attributes(),
                false);
        return new Kernel(
                kernels.library(),
                new eltwise_forward(description),
                description.scratchpad_desc(),
                new int[] {dnnl.DNNL_ARG_SRC, dnnl.DNNL_ARG_DST},
                flat,
                flat);
    }

    private Kernel makeBinary(BinaryKey key) {
        memory.desc full = Layouts.rowMajor(key.dtype, key.rows, key.columns);
        memory.desc second = key.repeated ? Layouts.rowMajor(key.dtype, 1, key.columns) : full;
        binary.primitive_desc description = new binary.primitive_desc(
                kernels.library().engine(), key.function, full, second, full, Layouts.attributes(), false);
        return new Kernel(
                kernels.library(),
                new binary(description),
                description.scratchpad_desc(),
                new int[] {dnnl.DNNL_ARG_SRC_0, dnnl.DNNL_ARG_SRC_1, dnnl.DNNL_ARG_DST},
                full,
                second,
                full);
    }

    private Kernel makeConcat(ConcatKey key) {
        memory.desc left = Layouts.rowMajor(key.dtype, key.rows, key.left);
        memory.desc right = Layouts.rowMajor(key.dtype, key.rows, key.right);
        memory.desc both = Layouts.rowMajor(key.dtype, key.rows, key.left + key.right);
        memory_desc_vector sources = new memory_desc_vector();
        sources.push_back(left);
        sources.push_back(right);
        concat.primitive_desc description =
                new concat.primitive_desc(kernels.library().engine(), both, 1, sources, Layouts.attributes(), false);
        return new Kernel(
                kernels.library(),
                new concat(description),
                description.scratchpad_desc(),
                new int[] {dnnl.DNNL_ARG_MULTIPLE_SRC, dnnl.DNNL_ARG_MULTIPLE_SRC + 1, dnnl.DNNL_ARG_DST},
                left,
                right,
                both);
    }

    private Kernel makeSlice(SliceKey key) {
        int width = key.to - key.from;
        memory.desc part = Layouts.strided(key.dtype, new long[] {key.rows, width}, new long[] {key.channels, 1});
        return Packing.reorder(kernels.library(), part, Layouts.rowMajor(key.dtype, key.rows, width));
    }
}
