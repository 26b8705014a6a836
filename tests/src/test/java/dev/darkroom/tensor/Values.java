package dev.darkroom.tensor;

import java.util.Arrays;
import java.util.function.DoubleUnaryOperator;

/** Numbers on the host in double precision, row-major: what formulas take and give. */
final class Values {
    final Shape shape;
    final double[] numbers;

    Values(Shape shape, double... numbers) {
        if (shape.count() != numbers.length) {
            throw new AssertionError(numbers.length + " numbers for " + shape);
        }
        this.shape = shape;
        this.numbers = numbers;
    }

    /** Zeros. */
    static Values of(Shape shape) {
        return new Values(shape, new double[Math.toIntExact(shape.count())]);
    }

    static Values of(Shape shape, float[] floats) {
        double[] numbers = new double[floats.length];
        Arrays.setAll(numbers, i -> floats[i]);
        return new Values(shape, numbers);
    }

    int dim(int index) {
        return shape.dim(index);
    }

    int rows() {
        return Math.toIntExact(shape.rows());
    }

    float[] floats() {
        float[] floats = new float[numbers.length];
        for (int i = 0; i < floats.length; i++) {
            floats[i] = (float) numbers[i];
        }
        return floats;
    }

    Values map(DoubleUnaryOperator function) {
        return new Values(shape, Arrays.stream(numbers).map(function).toArray());
    }

    /** As a tensor of type {@code dtype} holds them. */
    Values in(DType dtype) {
        return map(value -> HalfFloats.round((float) value, dtype));
    }

    Values reshape(int... dims) {
        return new Values(Shape.of(dims), numbers);
    }

    /** Row {@code from} to {@code to} of the outermost dimension. */
    Values images(int from, int to) {
        int size = numbers.length / shape.dim(0);
        return new Values(shape.with(0, to - from), Arrays.copyOfRange(numbers, from * size, to * size));
    }
}
