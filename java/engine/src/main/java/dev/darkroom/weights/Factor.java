package dev.darkroom.weights;

import dev.darkroom.tensor.HostTensor;
import dev.darkroom.tensor.Shape;
import java.util.stream.IntStream;

/**
 * A matrix [rows, columns] of a factored weight, or, with {@code taps} over 1, a convolution [rows, columns, taps]; in f32, computed on all
 * cores, with a fixed order of summation.
 */
@SuppressWarnings("ArrayRecordComponent") // two are never compared
record Factor(int rows, int columns, int taps, float[] values) {
    static Factor of(HostTensor tensor) {
        Shape shape = tensor.shape();
        if (shape.rank() < 2) {
            throw new WeightsException(tensor + " is no factor of a weight: it should have two dimensions or more");
        }
        int taps = 1;
        for (int i = 2; i < shape.rank(); i++) {
            taps *= shape.dim(i);
        }
        return new Factor(shape.dim(0), shape.dim(1), taps, tensor.toFloats());
    }

    /** This matrix times {@code other} [columns, n] or [columns, n, taps]. */
    Factor times(Factor other) {
        if (taps != 1 || columns != other.rows) {
            throw doNotFit(other);
        }
        int width = other.columns * other.taps;
        float[] product = new float[Math.multiplyExact(rows, width)];
        IntStream.range(0, rows).parallel().forEach(row -> {
            for (int k = 0; k < columns; k++) {
                float value = values[row * columns + k];
                for (int i = 0; i < width; i++) {
                    product[row * width + i] += value * other.values[k * width + i];
                }
            }
        });
        return new Factor(rows, other.columns, other.taps, product);
    }

    /** up · this · down, with this a core [a, b, taps], up [out, a] and down [b, in]: [out, in, taps]. */
    Factor between(Factor up, Factor down) {
        if (down.taps != 1 || columns != down.rows) {
            throw doNotFit(down);
        }
        float[] narrow = new float[Math.multiplyExact(Math.multiplyExact(rows, down.columns), taps)];
        for (int a = 0; a < rows; a++) {
            for (int b = 0; b < columns; b++) {
                for (int i = 0; i < down.columns; i++) {
                    for (int t = 0; t < taps; t++) {
                        narrow[(a * down.columns + i) * taps + t] +=
                                values[(a * columns + b) * taps + t] * down.values[b * down.columns + i];
                    }
                }
            }
        }
        return up.times(new Factor(rows, down.columns, taps, narrow));
    }

    Factor transposed() {
        float[] turned = new float[values.length];
        for (int row = 0; row < rows; row++) {
            for (int column = 0; column < columns; column++) {
                turned[column * rows + row] = values[row * columns + column];
            }
        }
        return new Factor(columns, rows, 1, turned);
    }

    Factor elementwise(Factor other) {
        if (values.length != other.values.length) {
            throw doNotFit(other);
        }
        float[] product = new float[values.length];
        for (int i = 0; i < product.length; i++) {
            product[i] = values[i] * other.values[i];
        }
        return new Factor(rows, columns, taps, product);
    }

    /** The Kronecker product of this matrix and {@code other}, which may be a convolution. */
    Factor kronecker(Factor other) {
        if (taps != 1) {
            throw doNotFit(other);
        }
        int wide = columns * other.columns;
        float[] product = new float[Math.multiplyExact(values.length, other.values.length)];
        for (int row = 0; row < rows * other.rows; row++) {
            for (int column = 0; column < wide; column++) {
                float value = values[row / other.rows * columns + column / other.columns];
                int from = (row % other.rows * other.columns + column % other.columns) * other.taps;
                for (int t = 0; t < other.taps; t++) {
                    product[(row * wide + column) * other.taps + t] = value * other.values[from + t];
                }
            }
        }
        return new Factor(rows * other.rows, wide, other.taps, product);
    }

    float[] scaled(float scale) {
        float[] scaled = values.clone();
        for (int i = 0; i < scaled.length; i++) {
            scaled[i] *= scale;
        }
        return scaled;
    }

    private WeightsException doNotFit(Factor other) {
        return new WeightsException("the factors of a LoRA do not fit together: [" + rows + ", " + columns + ", " + taps
                + "] and [" + other.rows + ", " + other.columns + ", " + other.taps + "]");
    }
}
