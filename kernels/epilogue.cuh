// What happens to the sums of a matrix product on their way to memory:
//   y[m, n] = activation(sum + bias[n]) + residual[m, n] + perChannel[m / rowsPerImage, n]
//
// Numerics  In float until y is rounded once.
#pragma once

#include "elements.cuh"

/** Chosen when a kernel is compiled: each takes many instructions for each sum of a thread. */
enum Activation { NONE, GELU, QUICK_GELU, SILU };

/** x · Φ(x); by the complement, so that no digits cancel for negative x. */
DEVICE float gelu(float x) {
    return 0.5f * x * erfcf(-0.70710678f * x);
}

/** x · σ(slope · x). */
DEVICE float sigmoidLinear(float x, float slope) {
    return x / (1 + expf(-slope * x));
}

DEVICE float activate(float x, Activation activation) {
    switch (activation) {
        case GELU:
            return gelu(x);
        case QUICK_GELU:
            return sigmoidLinear(x, 1.702f);
        case SILU:
            return sigmoidLinear(x, 1);
        default:
            return x;
    }
}

/** COUNT adjacent elements, a power of 2, aligned as a whole, so that they move at once. */
template <class E, int COUNT>
struct alignas(COUNT * sizeof(E)) Span {
    E at[COUNT];
};

/** Where the sums go. Addends may be null: absent. */
struct Epilogue {
    const float* bias;      // [columns]
    const float* gateBias;  // [columns], of the gates of geglu
    const T* residual;      // [rows, columns]
    const T* perChannel;    // [rows / rowsPerImage, columns]
    T* y;                   // [rows, columns]
    int rowsPerImage;
    int columns;

    /**
     * Finishes adjacent sums, the first in a column that WIDTH divides; those past the last column are left out. Returns what was written, where
     * WIDTH divides the number of columns.
     */
    template <int WIDTH>
    DEVICE Span<T, WIDTH> write(i64 row, int column, Span<float, WIDTH> sums, Activation activation) const {
        for (int i = 0; i < WIDTH; i++) {
            sums.at[i] = activate(sums.at[i] + at(bias, column + i), activation);
        }
        return spread(row, column, sums);
    }

    /** As write, for values that are each multiplied by the GELU of its gate. */
    template <int WIDTH>
    DEVICE void writeGated(i64 row, int column, Span<float, WIDTH> values, const Span<float, WIDTH>& gates) const {
        for (int i = 0; i < WIDTH; i++) {
            values.at[i] = (values.at[i] + at(bias, column + i)) * gelu(gates.at[i] + at(gateBias, column + i));
        }
        spread(row, column, values);
    }

  private:
    DEVICE float at(const float* vector, int column) const {
        return vector == nullptr || column >= columns ? 0 : vector[column];
    }

    /** Writes at once where rows are aligned for it, and else element by element. */
    template <int WIDTH>
    DEVICE Span<T, WIDTH> spread(i64 row, int column, const Span<float, WIDTH>& values) const {
        if (columns % WIDTH == 0) {
            return column < columns ? put(row, column, values) : Span<T, WIDTH>{};
        }
#pragma unroll 1
        for (int i = 0; i < WIDTH && column + i < columns; i++) {
            float value = i == 0 ? values.at[0] : values.at[WIDTH - 1]; // no index, so that the span stays in registers
            put(row, column + i, Span<float, 1>{{value}});
        }
        return Span<T, WIDTH>{};
    }

    /** Writes the values, after the addends, where they belong. */
    template <int COUNT>
    DEVICE Span<T, COUNT> put(i64 row, int column, Span<float, COUNT> values) const {
        i64 place = row * columns + column;
        if (residual != nullptr) {
            add(values, residual + place);
        }
        if (perChannel != nullptr) {
            add(values, perChannel + row / rowsPerImage * columns + column);
        }
        Span<T, COUNT> rounded;
        for (int i = 0; i < COUNT; i++) {
            rounded.at[i] = fromFloat<T>(values.at[i]);
        }
        *reinterpret_cast<Span<T, COUNT>*>(y + place) = rounded;
        return rounded;
    }

    template <int COUNT>
    static DEVICE void add(Span<float, COUNT>& values, const T* addends) {
        Span<T, COUNT> span = *reinterpret_cast<const Span<T, COUNT>*>(addends);
        for (int i = 0; i < COUNT; i++) {
            values.at[i] += toFloat(span.at[i]);
        }
    }
};
