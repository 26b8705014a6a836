package dev.darkroom.cpu;

import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import org.bytedeco.dnnl.global.dnnl;
import org.bytedeco.dnnl.matmul;
import org.bytedeco.dnnl.memory;
import org.bytedeco.dnnl.primitive_attr;
import org.jspecify.annotations.Nullable;

/** x · weightᵀ + bias and an epilogue, with weights packed once for any number of rows. */
final class MatMul {
    /** The number of rows for which oneDNN is asked how it wants weights: it wants them the same way for any other. */
    private static final int TYPICAL_ROWS = 256;

    private final Kernels kernels;

    private record Key(long rows, int in, int out, DType dtype, boolean bias, Epilogue epilogue) {}

    MatMul(Kernels kernels) {
        this.kernels = kernels;
    }

    /** The layout of packed weights, seen as [in, out]. */
    memory.desc weightLayout(int in, int out, DType dtype) {
        return new matmul.primitive_desc(
                        kernels.library().engine(),
                        Layouts.rowMajor(dtype, TYPICAL_ROWS, in),
                        Layouts.any(dtype, in, out),
                        Layouts.rowMajor(dtype, TYPICAL_ROWS, out),
                        Layouts.attributes(),
                        false)
                .weights_desc();
    }

    /** x [rows, in] → y [rows, out]; {@code operand} [rows, out] goes to the epilogue. */
    void run(Scope scope, Tensor x, CpuLinearWeight weight, Epilogue epilogue, @Nullable Tensor operand, Tensor y) {
        long rows = x.shape().rows();
        if (rows == 0) {
            return;
        }
        if (rows == 1) {
            runSingleRow(scope, x, weight, epilogue, operand, y);
            return;
        }
        Key key = new Key(rows, weight.in(), weight.out(), x.dtype(), weight.hasBias(), epilogue);
        kernels.get(key, this::make)
                .run(
                        scope,
                        x.address(),
                        y.address(),
                        weight.address(),
                        weight.biasAddress(),
                        operand == null ? 0 : operand.address());
    }

    /**
     * One row is computed as the first of two: oneDNN sums the product of a single row in another order, and a row's result must not depend
     * on how many there are.
     */
    private void runSingleRow(
            Scope scope, Tensor x, CpuLinearWeight weight, Epilogue epilogue, @Nullable Tensor operand, Tensor y) {
        try (Scope doubled = scope.child("row")) {
            Tensor x2 = doubled(doubled, x);
            Tensor operand2 = operand == null ? null : doubled(doubled, operand);
            Tensor y2 = doubled.allocate(Shape.of(2, weight.out()), y.dtype());
            run(doubled, x2, weight, epilogue, operand2, y2);
            NativeMemory.copy(y2.address(), y.address(), y.byteSize());
        }
    }

    private static Tensor doubled(Scope scope, Tensor row) {
        Tensor two = scope.allocate(Shape.of(2, Math.toIntExact(row.shape().count())), row.dtype());
        NativeMemory.copy(row.address(), two.address(), row.byteSize());
        NativeMemory.copy(row.address(), two.address() + row.byteSize(), row.byteSize());
        return two;
    }

    private Kernel make(Key key) {
        memory.desc x = Layouts.rowMajor(key.dtype, key.rows, key.in);
        memory.desc y = Layouts.rowMajor(key.dtype, key.rows, key.out);
        memory.desc weight = weightLayout(key.in, key.out, key.dtype);
        memory.desc bias = key.bias ? Layouts.rowMajor(DType.F32, 1, key.out) : new memory.desc();
        primitive_attr attributes = key.epilogue.attributes(y);
        matmul.primitive_desc description =
                new matmul.primitive_desc(kernels.library().engine(), x, weight, bias, y, attributes, false);
        return new Kernel(
                kernels.library(),
                new matmul(description),
                description.scratchpad_desc(),
                new int[] {
                    dnnl.DNNL_ARG_SRC,
                    dnnl.DNNL_ARG_DST,
                    dnnl.DNNL_ARG_WEIGHTS,
                    dnnl.DNNL_ARG_BIAS,
                    Epilogue.operandName(0)
                },
                x,
                y,
                weight,
                bias,
                key.epilogue.takesOperand() ? y : new memory.desc());
    }
}
