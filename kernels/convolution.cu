// Convolutions of NHWC maps as matrix products of patches and weights, without ever writing the patches down (implicit GEMM).
//   y[n, i, j, o] = Σ x[n, stride · i - padTop + r, stride · j - padLeft + s, c] · w[o, r, s, c] + bias[o] + residual[n, i, j, o]
//                   + perChannel[n, o],   x = 0 outside the map
// With phases = 4, the same for a map that is first doubled by nearest neighbours, as four convolutions of the small map with kernels of
// 2 x 2: pixel (2i + p, 2j + q) of y is pixel (i, j) of the convolution by phase 2p + q, padded by 1 - p rows above and 1 - q columns to the
// left. Its weights are sums, in float, of taps that meet the same pixel (conversion.cu makes them):
//   phases[2p + q, o, a, b, c] = Σ w[o, r, s, c] over r in R(p, a), s in R(q, b),
//   R(0, 0) = {0}, R(0, 1) = {1, 2}, R(1, 0) = {0, 1}, R(1, 1) = {2}
// Source    Chetlur et al. 2014 (cuDNN), section 3; mainloop.cuh, epilogue.cuh, produced.cuh.
// Java      ConvolutionKernels
// Shapes    x [n, height, width, in], w [phases, out, kernelHeight, kernelWidth, in], residual, y [n, rows, columns, out], with phases = 4
//           [n, 2 height, 2 width, out], perChannel [n, out] of T; bias [out] float; partials and arrivals as mainloop.cuh
//           has them, tiles being counted through all phases; momentParts, moments and momentArrivals as produced.cuh has them.
// Needs     any kernel, stride and size from 1. VECTOR = 1: a pixel of x takes a multiple of 16 bytes, x and w are aligned to 16 bytes.
//           y may be residual. Moments with phases = 1 alone, whose rows are y's.
// Numerics  Sums in float over r, s, c ascending; one rounding, of y. An image's bits do not depend on its neighbours (see gemm.cu).
// Schedule  As gemm.cu: a row of the left matrix is a pixel of y, whose patch is gathered by 16 bytes of channels; blockIdx.z counts splits,
//           and phases above them.
// Cost      2 · pixels · out · kernelHeight · kernelWidth · in operations. Predicted, not measured: 2 x 64 x 64 pixels, 320 to 320 channels,
//           3 x 3 of f16 (15 GFLOP) take 50 µs on an H100, at half of the 600 TFLOP/s that mma.sync reaches there. At most 128 registers
//           with tiles of 128 x 128 and 160 with 128 x 64, no spills.
// Tried     A pointer to each patch instead of the number of its image's first pixel: spills with tiles of 128 x 128.

#include "produced.cuh"

struct Map {
    const T* x;
    int pixels;  // of the result, over all images
    int height;
    int width;
    int in;
    int rows;
    int columns;
    int kernelHeight;
    int kernelWidth;
    int stride;
    int padTop;
    int padLeft;
};

/** Patches around TILE_M pixels of the result as rows, copied slice after slice. */
class Patches {
    static constexpr int PASSES = TILE_M / PASS;

    /** A place in a patch. */
    struct Tap {
        int r;
        int s;
        int channel;

        DEVICE Tap(const Map& map, int place)
            : r(place / map.in / map.kernelWidth), s(place / map.in % map.kernelWidth), channel(place % map.in) {}

        DEVICE void advance(const Map& map, int places) {
            channel += places;
            while (channel >= map.in) {
                channel -= map.in;
                if (++s == map.kernelWidth) {
                    s = 0;
                    r++;
                }
            }
        }
    };

    const Map map;
    int image[PASSES];  // its first pixel
    int top[PASSES];    // the patch's first line and column, be they outside the map
    int left[PASSES];
    Tap tap;

    /** Whether an element is there, and not padding or past the last tap. */
    DEVICE bool inside(int pass, const Tap& at) const {
        u32 line = top[pass] + at.r; // negative ones become large
        u32 column = left[pass] + at.s;
        return at.r < map.kernelHeight && line < static_cast<u32>(map.height) && column < static_cast<u32>(map.width);
    }

    /** The address of an element that is inside. */
    DEVICE const T* element(int pass, const Tap& at) const {
        int pixel = image[pass] + (top[pass] + at.r) * map.width + left[pass] + at.s;
        return map.x + static_cast<i64>(pixel) * map.in + at.channel;
    }

  public:
    DEVICE Patches(const Map& map, int firstPixel, int firstSlice) : map(map), tap(map, firstSlice * SLICE + copiedChunk() * CHUNK) {
        for (int pass = 0; pass < PASSES; pass++) {
            int pixel = min(firstPixel + copiedRow(pass), map.pixels - 1);
            int row = pixel / map.columns;
            top[pass] = row % map.rows * map.stride - map.padTop;
            left[pass] = pixel % map.columns * map.stride - map.padLeft;
            image[pass] = row / map.rows * map.height * map.width;
        }
    }

    /** Copies the next slice, with zeros for padding and past the last tap. */
    DEVICE void copy(T* tile) {
#pragma unroll
        for (int pass = 0; pass < PASSES; pass++) {
            T* target = tile + place(copiedRow(pass), copiedChunk());
#if VECTOR
            copyAsync16(target, element(pass, tap), inside(pass, tap));
#else
            Pack<T> pack;
            Tap at = tap;
            for (int i = 0; i < CHUNK; i++) {
                pack.at[i] = inside(pass, at) ? *element(pass, at) : T{};
                at.advance(map, 1);
            }
            storePack(target, pack);
#endif
        }
        tap.advance(map, SLICE);
    }
};

/** Where pixel (i, j) of phase 2p + q lies in the doubled map: at (2i + p, 2j + q). */
DEVICE i64 doubledPixel(int pixel, int columns, int phase) {
    i64 line = pixel / columns * 2LL + phase / 2;
    return line * columns * 2 + pixel % columns * 2 + phase % 2;
}

extern "C" __global__ void __launch_bounds__(THREADS, MIN_BLOCKS)
    convolution(const T* x, const T* weight, const float* bias, const T* residual, const T* perChannel, T* y, float* partials, u32* arrivals,
                float2* momentParts, float2* moments, u32* momentArrivals, int pixels, int height, int width, int in, int rows, int columns, int out, int kernelHeight, int kernelWidth, int stride,
                int padTop, int padLeft, int phases, int splits) {
    Split split = {static_cast<int>(blockIdx.z) % splits, splits, partials, arrivals};
    int phase = blockIdx.z / splits;
    if (phases == 4) {
        padTop = 1 - phase / 2;
        padLeft = 1 - phase % 2;
    }
    int depth = kernelHeight * kernelWidth * in;
    Tile tile(out, TILE_N);
    Slices slices(depth, split);
    Patches a({x, pixels, height, width, in, rows, columns, kernelHeight, kernelWidth, stride, padTop, padLeft}, tile.row, slices.first);
    MatrixRows<TILE_N> b(RowsFrom{weight + static_cast<i64>(phase) * out * depth, tile.column, out, depth}, depth, slices.first);
    Sums sums;
    multiply(a, b, slices, sums);
    if (!addSplits(split, phase * gridDim.x + blockIdx.x, sums)) {
        return;
    }
    Epilogue epilogue = {bias, nullptr, residual, perChannel, y, phases * rows * columns, out};
    ProducedMoments produced(momentParts, moments, momentArrivals, rows * columns);
    forEach(sums, [&](int i, int j, const Sums::Piece& some) {
        int pixel = tile.row + i;
        if (pixel < pixels) {
            i64 row = phases == 1 ? pixel : doubledPixel(pixel, columns, phase);
            produced.keep(i, j, epilogue.write(row, tile.column + j, some, NONE));
        }
    });
    produced.leave(tile, pixels, out);
}
