// Matrix products of tokens and weights with what precedes and follows them.
//   linear      y[p, m, n] = activation(Σ x'[m, k] · w[p, n, k] + bias[p, n]) + residual[m, n] + perChannel[m / rowsPerImage, n], for p < products
//   geglu       y[m, n] = (Σ x'[m, k] · v[n, k] + c[n]) · gelu(Σ x'[m, k] · g[n, k] + d[n])      (Shazeer 2020)
//   where x' is x, or with NORMALIZE = 1 its layer normalisation by gain and normBias; with SOURCES = 2, linear's x are two matrices side by side
// Source    mainloop.cuh, epilogue.cuh, rownorm.cuh, produced.cuh
// Java      GemmKernels
// Shapes    x [rows, depth], with SOURCES = 2 x [rows, firstDepth] and second [rows, depth - firstDepth], each w, v, g [columns, depth], residual, each y [rows, columns], perChannel [rows / rowsPerImage, columns] of T; biases
//           [columns], gain, normBias [depth] float; partials and arrivals as mainloop.cuh has them, for gridDim.z splits of the depth.
// Needs     any sizes from 1; up to three products; -D ACTIVATION=NONE|GELU|QUICK_GELU|SILU, NORMALIZE=0|1, SOURCES=1|2 and what mainloop.cuh asks for. VECTOR = 1: a
//           row of x (and of second) takes a multiple of 16 bytes, x, second, weights, gain and normBias are aligned to 16 bytes. y may be residual. firstDepth is a multiple of SLICE
//           with SOURCES = 2, which excludes NORMALIZE = 1, and depth otherwise. Moments, as produced.cuh has them, of one product alone.
// Numerics  Sums in float; one rounding, of y. An image's bits do not depend on its neighbours: splits depend on one image's rows alone, and
//           their sums are added in ascending order.
// Schedule  One block for a tile and a split; tiles of one row block lie side by side, so that x is read from memory once and the weights
//           stay in L2. geglu: groups of 8 columns of values and of gates take turns in a tile, so that a thread holds both.
// Cost      2 · rows · columns · depth operations. Predicted, not measured: 4096 x 1280 x 320 of f16 on an H100 takes 11 µs, at half of the
//           600 TFLOP/s that mma.sync reaches there. Registers on sm_80 and sm_90a: with tiles of 128 x 128 128, of 128 x 64 up to 150, of 64 x 64
//           and 128 x 32 96; with NORMALIZE = 1 128, 172, 111 and 128; without tensor cores 80. No spills, nor on 75, 86, 89, 100 and 120.
// Tried     The activation as an argument: its code is repeated for each of a thread's 64 sums, and ptxas takes 8 s instead of 0.5 s.

#include "produced.cuh"
#include "rownorm.cuh"

#if SOURCES == 2

/** Rows of two matrices side by side, copied slice after slice; the first has whole slices. */
class RowsOfX {
    RowsFrom second;
    int left; // slices of the first matrix
    MatrixRows<TILE_M> rows;

  public:
    DEVICE RowsOfX(RowsFrom first, RowsFrom second, int firstSlice)
        : second(second), left(first.depth / SLICE - firstSlice),
          rows(left > 0 ? first : second, left > 0 ? first.depth : second.depth, left > 0 ? firstSlice : -left) {
    }

    DEVICE void copy(T* tile) {
        if (left-- == 0) {
            rows = MatrixRows<TILE_M>(second, second.depth, 0);
        }
        rows.copy(tile);
    }
};

#else

/** Rows of the first matrix, the only one. */
struct RowsOfX : MatrixRows<TILE_M> {
    DEVICE RowsOfX(RowsFrom first, RowsFrom, int firstSlice) : MatrixRows<TILE_M>(first, first.depth, firstSlice) {
    }
};

#endif

/** One of three arguments. */
template <class E>
DEVICE E* nth(int i, E* a, E* b, E* c) {
    return i == 0 ? a : i == 1 ? b : c;
}

extern "C" __global__ void __launch_bounds__(THREADS, MIN_BLOCKS)
    linear(const T* x, const float* gain, const float* normBias, float epsilon, const T* second, const T* w0, const T* w1, const T* w2,
           const float* bias0, const float* bias1, const float* bias2, const T* residual, const T* perChannel, T* y0, T* y1, T* y2,
           float* partials, u32* arrivals, float2* momentParts, float2* moments, u32* momentArrivals, int rows, int rowsPerImage,
           int columns, int depth, int firstDepth, int products) {
    Tile tile(columns, TILE_N, products);
    Split split = {static_cast<int>(blockIdx.z), static_cast<int>(gridDim.z), partials, arrivals};
    Slices slices(depth, split);
    RowsFrom first = {x, tile.row, rows, firstDepth};
    RowNorm norm(first, {gain, normBias, epsilon}, depth, slices.first);
    RowsOfX a(first, {second, tile.row, rows, depth - firstDepth}, slices.first);
    MatrixRows<TILE_N> b(RowsFrom{nth(tile.product, w0, w1, w2), tile.column, columns, depth}, depth, slices.first);
    Sums sums;
    multiply(a, b, slices, sums, norm);
    if (!addSplits(split, blockIdx.x, sums)) {
        return;
    }
    const float* bias = nth(tile.product, bias0, bias1, bias2);
    Epilogue epilogue = {bias, nullptr, residual, perChannel, nth(tile.product, y0, y1, y2), rowsPerImage, columns};
    ProducedMoments produced(momentParts, moments, momentArrivals, rowsPerImage);
    forEach(sums, [&](int i, int j, const Sums::Piece& some) {
        if (tile.row + i < rows) {
            produced.keep(i, j, epilogue.write(tile.row + i, tile.column + j, some, ACTIVATION));
        }
    });
    produced.leave(tile, rows, columns);
}

/** Rows of two weights, eight and eight in turn. */
struct RowsInTurn {
    RowsFrom values;
    RowsFrom gates;

    DEVICE const T* operator()(int i) const {
        int row = i / 16 * 8 + i % 8;
        return i / 8 % 2 == 0 ? values(row) : gates(row);
    }
};

extern "C" __global__ void __launch_bounds__(THREADS, MIN_BLOCKS)
    geglu(const T* x, const float* gain, const float* normBias, float epsilon, const T* value, const T* gate, const float* valueBias,
          const float* gateBias, T* y, float* partials, u32* arrivals, int rows, int columns, int depth) {
    Tile tile(columns, TILE_N / 2);
    Split split = {static_cast<int>(blockIdx.z), static_cast<int>(gridDim.z), partials, arrivals};
    Slices slices(depth, split);
    RowsFrom rowsOfX = {x, tile.row, rows, depth};
    RowNorm norm(rowsOfX, {gain, normBias, epsilon}, depth, slices.first);
    MatrixRows<TILE_M> a(rowsOfX, depth, slices.first);
    RowsInTurn weights = {{value, tile.column, columns, depth}, {gate, tile.column, columns, depth}};
    MatrixRows<TILE_N> b(weights, depth, slices.first);
    Sums sums;
    multiply(a, b, slices, sums, norm);
    if (!addSplits(split, blockIdx.x, sums)) {
        return;
    }
    Epilogue epilogue = {valueBias, gateBias, nullptr, nullptr, y, rows, columns};
    forEachPair(sums, [&](int i, int j, const Sums::Piece& values, const Sums::Piece& gates) {
        if (tile.row + i < rows) {
            epilogue.writeGated(tile.row + i, tile.column + j / 16 * 8 + j % 8, values, gates);
        }
    });
}
