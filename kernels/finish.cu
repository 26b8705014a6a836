// What follows the sums of a matrix product or a convolution that a library of CUDA has computed.
//   finish    y[m, n] = activation(sums[m, n] + bias[n]) + residual[m, n] + perChannel[m / rowsPerImage, n]
//   gate      y[m, n] = (sums[m, n] + bias[n]) · gelu(gates[m, n] + gateBias[n])
// Source    epilogue.cuh
// Java      FinishKernels
// Shapes    sums, gates [rows, columns] of SUM; residual, y [rows, columns], perChannel [rows / rowsPerImage, columns] of T; biases [columns]
//           float.
// Needs     any sizes from 1; -D T, SUM = f32 or T. y may be sums, and residual.
// Numerics  In float, one rounding, of y; sums of f16 or bf16 were rounded once before.
// Schedule  A thread for two adjacent columns.
// Cost      a read of sums and addends and a write of y: bound by memory. Not yet run on a GPU.
// Tried     The activation compiled in: many more variants to compile, and nothing to gain where memory is the limit.
#include "epilogue.cuh"

constexpr int THREADS = 256;
constexpr int WIDTH = 2; // columns of a thread, as Epilogue takes them

/** The two columns of this thread. */
struct Place {
    i64 row;
    int column;
    int columns;

    DEVICE Place(int columns) : columns(columns) {
        const int pairs = (columns + WIDTH - 1) / WIDTH;
        const i64 i = static_cast<i64>(blockIdx.x) * THREADS + threadIdx.x;
        row = i / pairs;
        column = static_cast<int>(i % pairs) * WIDTH;
    }

    DEVICE Span<float, WIDTH> read(const SUM* values) const {
        Span<float, WIDTH> span;
        for (int i = 0; i < WIDTH; i++) {
            span.at[i] = column + i < columns ? toFloat(values[row * columns + column + i]) : 0;
        }
        return span;
    }
};

extern "C" __global__ void __launch_bounds__(THREADS)
    finish(const SUM* sums, const float* bias, const T* residual, const T* perChannel, T* y, i64 rows, int rowsPerImage, int columns, int activation) {
    Place place(columns);
    if (place.row < rows) {
        Epilogue epilogue = {bias, nullptr, residual, perChannel, y, rowsPerImage, columns};
        epilogue.write(place.row, place.column, place.read(sums), static_cast<Activation>(activation));
    }
}

extern "C" __global__ void __launch_bounds__(THREADS)
    gate(const SUM* sums, const float* bias, const SUM* gates, const float* gateBias, T* y, i64 rows, int columns) {
    Place place(columns);
    if (place.row < rows) {
        Epilogue epilogue = {bias, gateBias, nullptr, nullptr, y, 1, columns};
        epilogue.writeGated(place.row, place.column, place.read(sums), place.read(gates));
    }
}
