// The end of a matrix product or convolution whose depth was split among blocks.
//   y[m, n] = epilogue(Σ_s partials[s, m, n]), as gemm.cu says; gated:
//   y[m, n] = (Σ_s partials[s, 0, m, n] + c[n]) · gelu(Σ_s partials[s, 1, m, n] + d[n])
// Source    epilogue.cuh
// Java      SplitKernels
// Shapes    partials [splits, rows, columns], gated [splits, 2, rows, columns] float; residual, y [rows, columns],
//           perChannel [rows / rowsPerImage, columns] of T; biases [columns] float. Null: absent.
// Needs     any sizes from 1; -D T, ACTIVATION=NONE|GELU|QUICK_GELU|SILU. y may be residual.
// Numerics  Sums in float over ascending s; one rounding, of y.
// Schedule  One thread for an element, one block for 256 columns of a row.
// Cost      Reads splits · 4 bytes an element; at most 4 MiB an image by the number of splits that SplitKernels takes, so mostly from L2.

#include "epilogue.cuh"

/** `gated` is 1 for the partial sums of geglu, and else 0. */
extern "C" __global__ void sumSplits(const float* partials, const float* bias, const float* gateBias, const T* residual,
                                     const T* perChannel, T* y, int splits, int rowsPerImage, int columns, int gated) {
    int column = blockIdx.y * blockDim.x + threadIdx.x;
    if (column >= columns) {
        return;
    }
    i64 row = blockIdx.x;
    i64 plane = static_cast<i64>(gridDim.x) * columns;
    const float* partial = partials + row * columns + column;
    Span<float, 1> sum = {{0}};
    Span<float, 1> gate = {{0}};
    for (int split = 0; split < splits; split++) {
        sum.at[0] += partial[split * (1 + gated) * plane];
        if (gated) {
            gate.at[0] += partial[(2 * split + 1) * plane];
        }
    }
    Epilogue epilogue = {bias, gateBias, residual, perChannel, y, nullptr, gridDim.x, rowsPerImage, columns};
    if (gated) {
        epilogue.writeGated(row, column, sum, gate);
    } else {
        epilogue.write(row, column, sum, ACTIVATION);
    }
}
