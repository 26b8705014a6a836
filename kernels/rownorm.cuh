// Layer normalisation of the rows of x that a matrix product reads, on their way through shared memory.
//   x'[m, k] = (x[m, k] - mean[m]) · rstd[m] · gain[k] + bias[k]
//
// Source    Ba et al. 2016, eq. 4; biased variance.
// Needs     -D NORMALIZE=0|1 and what mainloop.cuh asks for. VECTOR = 1: gain and bias are aligned to 16 bytes as well.
// Numerics  x' is rounded to T once, as layernorm.cu does, so that a product errs as after that kernel. Sums in float over x - shift, where shift is the
//           mean of the row's first SLICE elements: near the row's mean if that is large, and never further away than a few deviations. x - shift is
//           exact where |mean| >> deviation, and the mean is never rounded at its own size. The order of the sums depends on the depth alone.
// Schedule  Before the main loop the four threads that copy a row's chunks sum up the whole row, also where the depth is split. In the main loop each
//           thread normalises the chunks that it copied itself, in place, as soon as they have come and before the barrier behind which others read
//           them: no barrier more.
// Cost      Each block reads its rows of x once more, from L2: with tiles of 128 x 128 half as many bytes as its main loop. Normalising takes 80
//           instructions of a thread for a slice there, beside 32 mma of its warp. Predicted, not measured: for 8192 x 960 x 320 of f16 on an H100 the
//           blocks read 42 MB more, 7 µs if nothing else ran meanwhile; a layer norm of its own takes 5 µs with its launch. So this saves launches
//           rather than time. Registers: gemm.cu.
// Tried     y = rstd · (Σ x · (gain · w) - mean · Σ gain · w): no rows to read first, but where |mean| >> deviation the two sums cancel; sums in f32 have
//           then lost 10 of their bits for a mean of 1000 deviations, and tensor cores, which cut off where f32 rounds, more; and weights would have to
//           be kept in a second form. Normalising fragments in registers: every warp of the same rows does the same work.
#pragma once

#include "mainloop.cuh"

/** What a normalisation learned: gain and bias [depth] float. */
struct Affine {
    const float* gain;
    const float* bias;
    float epsilon;
};

#if NORMALIZE

/** Normalises what this thread copies of the rows of x. */
class RowNorm {
    static constexpr int PASSES = TILE_M / PASS;
    Affine affine;
    int depth;
    int column;
    float shift[PASSES];
    float rstd[PASSES];
    float offset[PASSES]; // (shift - mean) · rstd

  public:
    DEVICE RowNorm(RowsFrom rowAt, Affine affine, int depth, int firstSlice)
        : affine(affine), depth(depth), column(firstSlice * SLICE + copiedChunk() * CHUNK) {
        const T* row[PASSES];
        float sum[PASSES] = {};
        float squares[PASSES] = {};
#pragma unroll
        for (int pass = 0; pass < PASSES; pass++) {
            row[pass] = rowAt(copiedRow(pass));
            float first = 0;
            if (copiedChunk() * CHUNK < depth) {
                Pack<T> pack = read(row[pass], copiedChunk() * CHUNK);
                for (int i = 0; i < CHUNK; i++) {
                    first += toFloat(pack.at[i]); // 0 past the depth
                }
            }
            shift[pass] = sumOfRow(first) / min(depth, SLICE);
        }
#pragma unroll 4
        for (int at = copiedChunk() * CHUNK; at < depth; at += SLICE) {
#pragma unroll
            for (int pass = 0; pass < PASSES; pass++) {
                Pack<T> pack = read(row[pass], at);
                for (int i = 0; i < CHUNK; i++) {
                    float centred = exists(at + i) ? toFloat(pack.at[i]) - shift[pass] : 0;
                    sum[pass] += centred;
                    squares[pass] = fmaf(centred, centred, squares[pass]);
                }
            }
        }
#pragma unroll
        for (int pass = 0; pass < PASSES; pass++) {
            float mean = sumOfRow(sum[pass]) / depth;
            float variance = sumOfRow(squares[pass]) / depth - mean * mean;
            rstd[pass] = 1.0f / sqrtf((variance < 0 ? 0 : variance) + affine.epsilon); // a NaN stays one
            offset[pass] = -mean * rstd[pass];
        }
    }

    /** The next slice of x has come to `tile`. */
    DEVICE void operator()(T* tile) {
        if (column < depth) {
            Pack<float> gain[CHUNK / 4];
            Pack<float> bias[CHUNK / 4];
#pragma unroll
            for (int i = 0; i < CHUNK / 4; i++) {
                gain[i] = read(affine.gain, column + 4 * i);
                bias[i] = read(affine.bias, column + 4 * i);
            }
#pragma unroll
            for (int pass = 0; pass < PASSES; pass++) {
                T* chunk = tile + place(copiedRow(pass), copiedChunk());
                Pack<T> pack = loadPack(chunk);
#pragma unroll
                for (int i = 0; i < CHUNK; i++) {
                    float normal = fmaf(toFloat(pack.at[i]) - shift[pass], rstd[pass], offset[pass]);
                    pack.at[i] = fromFloat<T>(fmaf(normal, gain[i / 4].at[i % 4], bias[i / 4].at[i % 4]));
                }
                storePack(chunk, pack);
            }
        }
        column += SLICE;
    }

  private:
    DEVICE bool exists(int k) const {
        return VECTOR || k < depth;
    }

    /** A pack of `values` [depth] from `k` on, with zeros past the depth. */
    template <class E>
    DEVICE Pack<E> read(const E* values, int k) const {
#if VECTOR
        return loadPack(values + k);
#else
        Pack<E> pack;
        for (int i = 0; i < Pack<E>::SIZE; i++) {
            pack.at[i] = exists(k + i) ? values[k + i] : E{};
        }
        return pack;
#endif
    }

    /** The sum over the four threads that copy the same rows. */
    static DEVICE float sumOfRow(float value) {
        value += __shfl_xor_sync(~0u, value, 1);
        return value + __shfl_xor_sync(~0u, value, 2);
    }
};

#else

/** Rows of x are multiplied as they are. */
struct RowNorm {
    DEVICE RowNorm(RowsFrom, Affine, int, int) {
    }

    DEVICE void operator()(T*) {
    }
};

#endif
