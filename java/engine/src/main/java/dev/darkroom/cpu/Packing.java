package dev.darkroom.cpu;

import dev.darkroom.tensor.Conv2dWeight;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.HostTensor;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import org.bytedeco.dnnl.global.dnnl;
import org.bytedeco.dnnl.memory;
import org.bytedeco.dnnl.reorder;
import org.jspecify.annotations.Nullable;

/** Turns weights as files have them into the layouts that oneDNN reads; a tensor at a time, so that nothing is resident twice. */
final class Packing {
    private final Kernels kernels;
    private final MatMul matMul;
    private final Convolution convolution;
    private final Upsampling upsampling;

    /** What the layout packed to depends on; that of a convolution on its geometry too. */
    private record Key(Shape shape, DType dtype, Target target, Conv2dWeight.@Nullable Geometry geometry) {}

    private enum Target {
        LINEAR,
        CONVOLUTION,
        TRANSPOSED
    }

    Packing(Kernels kernels, MatMul matMul, Convolution convolution, Upsampling upsampling) {
        this.kernels = kernels;
        this.matMul = matMul;
        this.convolution = convolution;
        this.upsampling = upsampling;
    }

    /** Values as they are, converted to {@code dtype}. */
    Tensor upload(Scope scope, HostTensor values, DType dtype) {
        Tensor result = scope.allocate(values.shape(), dtype);
        values.read(bytes -> Conversion.convert(
                bytes,
                values.dtype(),
                result.address(),
                dtype,
                kernels.library().threads()));
        return result;
    }

    /** @param shape [out, in], whatever dimensions of size 1 the file has */
    CpuLinearWeight linear(Scope scope, Shape shape, HostTensor weight, @Nullable HostTensor bias, DType dtype) {
        memory.desc layout = matMul.weightLayout(shape.dim(1), shape.dim(0), dtype);
        Tensor packed = scope.allocate(Kernel.bytes(layout.get_size()), DType.U8);
        try (Scope temporary = scope.child("packing")) {
            Tensor plain = upload(temporary, weight, dtype);
            // The file's [out, in] read column by column is the matrix [in, out] that oneDNN multiplies with.
            memory.desc file =
                    Layouts.strided(dtype, new long[] {shape.dim(1), shape.dim(0)}, new long[] {1, shape.dim(1)});
            pack(temporary, new Key(shape, dtype, Target.LINEAR, null), plain, file, packed, layout);
        }
        return new CpuLinearWeight(weight.name(), shape, dtype, packed, uploadBias(scope, bias));
    }

    /** @param shape [out, kh, kw, in] */
    CpuConv2dWeight convolution(
            Scope scope,
            Shape shape,
            HostTensor weight,
            @Nullable HostTensor bias,
            Conv2dWeight.Geometry geometry,
            DType dtype) {
        boolean pointwise = geometry.stride() == 1
                && geometry.padBefore() + geometry.padAfter() == 0
                && shape.dim(1) == 1
                && shape.dim(2) == 1;
        if (pointwise) {
            CpuLinearWeight linear = linear(scope, Shape.of(shape.dim(0), shape.dim(3)), weight, bias, dtype);
            return new CpuConv2dWeight(
                    weight.name(), shape, dtype, geometry, scope, uploadBias(scope, bias), linear, null);
        }
        try (Scope temporary = scope.child("packing")) {
            Tensor plain = upload(temporary, weight, dtype);
            Tensor transposed =
                    Upsampling.applies(shape, geometry) ? transposed(scope, temporary, shape, weight, dtype) : null;
            CpuConv2dWeight result = new CpuConv2dWeight(
                    weight.name(), shape, dtype, geometry, scope, uploadBias(scope, bias), null, transposed);
            memory.desc layout = convolution.typicalLayout(result);
            Tensor packed = scope.allocate(Kernel.bytes(layout.get_size()), DType.U8);
            memory.desc file = Layouts.rowMajor(dtype, weight.shape().toLongs());
            pack(temporary, new Key(shape, dtype, Target.CONVOLUTION, geometry), plain, file, packed, layout);
            result.forms().add(new CpuConv2dWeight.Form(layout, packed));
            return result;
        }
    }

    private Tensor transposed(Scope scope, Scope temporary, Shape shape, HostTensor weight, DType dtype) {
        memory.desc layout = upsampling.weightLayout(shape.dim(3), shape.dim(0), dtype);
        Tensor packed = scope.allocate(Kernel.bytes(layout.get_size()), DType.U8);
        Tensor summed = Upsampling.sumTaps(
                temporary,
                upload(temporary, weight, DType.F32),
                shape,
                kernels.library().threads());
        memory.desc plain = Layouts.rowMajor(DType.F32, summed.shape().toLongs());
        pack(temporary, new Key(shape, dtype, Target.TRANSPOSED, null), summed, plain, packed, layout);
        return packed;
    }

    private @Nullable Tensor uploadBias(Scope scope, @Nullable HostTensor bias) {
        return bias == null ? null : upload(scope, bias, DType.F32);
    }

    private void pack(Scope scope, Key key, Tensor from, memory.desc fromLayout, Tensor to, memory.desc toLayout) {
        kernels.get(key, unused -> reorder(kernels.library(), fromLayout, toLayout))
                .run(scope, from.address(), to.address());
    }

    /** Copies from one layout to another. */
    static Kernel reorder(OneDnn library, memory.desc from, memory.desc to) {
        reorder.primitive_desc description =
                new reorder.primitive_desc(library.engine(), from, library.engine(), to, Layouts.attributes(), false);
        return new Kernel(
                library,
                new reorder(description),
                description.scratchpad_desc(),
                new int[] {dnnl.DNNL_ARG_FROM, dnnl.DNNL_ARG_TO},
                from,
                to);
    }
}
