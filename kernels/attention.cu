// Attention with a streaming softmax on tensor cores.
//   y[n,i,h·D+c] = sum_j softmax_j(q[n,i,h]·k[n,j,h] / sqrt(D)) v[n,j,h·D+c],   j <= i where causal
// Source    Dao 2023 (FlashAttention-2), algorithm 1.
// Java      AttentionKernels
// Shapes    q, y [N, t, C], k, v [N, s, C] of T, C = heads · D, the heads side by side.
// Needs     T = f16 or bf16 (bf16 from capability 8.0), D a multiple of 8 up to 160, all aligned to 16 bytes; any t, s >= 1. D, KEYS (a multiple
//           of 16) and MIN_BLOCKS come in as -D.
// Numerics  Products on tensor cores; softmax, its sums and the sums over keys in float, KEYS keys at a time in order: the result of an
//           image depends on s alone. Weights are rounded to T before they are multiplied with v. What a key behind a causal query
//           holds, infinite or not a number, stays there.
// Schedule  one block of 4 warps for 64 queries of a head, 16 queries a warp, kept in registers. K and V pass through two buffers each
//           that are filled while the other is used. The widths of the networks (40, 64, 80, 96, 128, 160) take what they are, but that q·k goes
//           by 16 channels: D = 40 takes 48 there, whose last 8 are zero, and 40 = 5 tiles of 8 in weights·v. A causal block ends at its last
//           query's key.
// Cost      4·t·s·C FLOP and as much traffic as q, y and t / 64 times k and v, which stay in L2. Predicted, not measured: 2 images of 8 heads
//           of 40, 4096 x 4096, take 80 µs of an H200's tensor cores at the 600 TFLOP/s that mma.sync reaches, 75 µs of its special functions
//           (16 exponentials a clock and multiprocessor) and as much of its arithmetic: 100 to 200 µs, as far as they overlap. At most 168
//           registers for D <= 80 and 223 above, no spills from sm_75 to sm_120.
#include "attention.cuh"

constexpr int QUERIES = 64;
constexpr int THREADS = 128;
constexpr int DEPTH = (D + 15) / 16 * 16; // what q·k multiplies over
constexpr int ROW = DEPTH + PAD;
constexpr int COLUMN_TILES = D / 8;
constexpr int KEY_TILES = KEYS / 8;
constexpr int TILE = KEYS * ROW;

static_assert(D % 8 == 0 && D <= 160, "other widths are attention_wide.cu's and attention_general.cu's");

/** scores [16, KEYS] of a warp = q · kᵀ. */
DEVICE void multiplyKeys(float (&scores)[KEY_TILES][4], const u32 (&q)[DEPTH / 16][4], const T* keys) {
    const int lane = threadIdx.x % 32;
#pragma unroll
    for (int tile = 0; tile < KEY_TILES; tile++) {
#pragma unroll
        for (int j = 0; j < 4; j++) {
            scores[tile][j] = 0;
        }
    }
#pragma unroll
    for (int depth = 0; depth < DEPTH / 16; depth++) {
#pragma unroll
        for (int pair = 0; pair < KEY_TILES / 2; pair++) {
            u32 b[4];
            loadMatrix4(b, keys + (pair * 16 + lane % 8 + lane / 16 * 8) * ROW + depth * 16 + lane / 8 % 2 * 8);
            mma(scores[2 * pair], q[depth], b[0], b[1], T());
            mma(scores[2 * pair + 1], q[depth], b[2], b[3], T());
        }
    }
}

/** sums [16, D] of a warp += weights · v. */
DEVICE void multiplyValues(float (&sums)[COLUMN_TILES][4], const float (&weights)[KEY_TILES][4], const T* values) {
    const int lane = threadIdx.x % 32;
#pragma unroll
    for (int step = 0; step < KEYS / 16; step++) {
        const float(&low)[4] = weights[2 * step];
        const float(&high)[4] = weights[2 * step + 1];
        u32 a[4] = {packPair<T>(low[0], low[1]), packPair<T>(low[2], low[3]), packPair<T>(high[0], high[1]), packPair<T>(high[2], high[3])};
        const T* row = values + (step * 16 + lane % 16) * ROW;
#pragma unroll
        for (int pair = 0; pair < COLUMN_TILES / 2; pair++) {
            u32 b[4];
            loadMatrix4Transposed(b, row + pair * 16 + lane / 16 * 8);
            mma(sums[2 * pair], a, b[0], b[1], T());
            mma(sums[2 * pair + 1], a, b[2], b[3], T());
        }
        if (COLUMN_TILES % 2 == 1) {
            u32 b[2];
            loadMatrix2Transposed(b, row + (COLUMN_TILES - 1) * 8);
            mma(sums[COLUMN_TILES - 1], a, b[0], b[1], T());
        }
    }
}

/** As multiplyValues, key by key and without those that a query does not see: there 0 · v would not be 0 if v is not finite. */
DEVICE void multiplyVisibleValues(
    float (&sums)[COLUMN_TILES][4], const float (&weights)[KEY_TILES][4], const T* values, int query, int firstKey) {
    const int lane = threadIdx.x % 32;
#pragma unroll
    for (int key = 0; key < KEYS; key++) {
#pragma unroll
        for (int half = 0; half < 2; half++) {
            float weight = __shfl_sync(~0u, weights[key / 8][2 * half + key % 2], lane / 4 * 4 + key % 8 / 2);
            if (firstKey + key <= query + 8 * half) {
                weight = toFloat(fromFloat<T>(weight));
                for (int j = 0; j < 2 * COLUMN_TILES; j++) {
                    float value = toFloat(values[key * ROW + j / 2 * 8 + lane % 4 * 2 + j % 2]);
                    sums[j / 2][2 * half + j % 2] = fmaf(weight, value, sums[j / 2][2 * half + j % 2]);
                }
            }
        }
    }
}

/** Whether this thread's share of a tile of values is finite. */
DEVICE bool isFinite(const T* values) {
    float largest = 0;
    for (int i = threadIdx.x; i < TILE; i += THREADS) {
        if (i % ROW < D) {
            largest += 0.0f * toFloat(values[i]); // not a number, from the first value on that is not finite
        }
    }
    return largest == 0;
}

/** grid (ceil(t / 64), heads, N), block 128, dynamic shared memory (64 + 4 · KEYS) rows. */
extern "C" __global__ void __launch_bounds__(THREADS, MIN_BLOCKS)
    attention(const T* q, const T* k, const T* v, T* y, int t, int s, int causal) {
    DYNAMIC_SHARED(T, queries);
    T* keys = queries + QUERIES * ROW; // two buffers
    T* values = keys + 2 * TILE;       // two buffers
    const int lane = threadIdx.x % 32;
    const int warp = threadIdx.x / 32;
    const i64 stride = static_cast<i64>(gridDim.y) * D;
    const i64 ofQueries = static_cast<i64>(blockIdx.z) * t * stride + blockIdx.y * D;
    const i64 ofKeys = static_cast<i64>(blockIdx.z) * s * stride + blockIdx.y * D;
    const int first = blockIdx.x * QUERIES;
    const int query = first + warp * 16 + lane / 4; // of the first half of the fragments; the second is 8 further
    const int tiles = ((causal ? min(s, first + QUERIES) : s) + KEYS - 1) / KEYS;

    startLoad<DEPTH, THREADS>(queries, q + ofQueries, stride, first, QUERIES, t);
    startLoad<DEPTH, THREADS>(keys, k + ofKeys, stride, 0, KEYS, s);
    startLoad<DEPTH, THREADS>(values, v + ofKeys, stride, 0, KEYS, s);
    copyCommit();

    u32 a[DEPTH / 16][4];
    float sums[COLUMN_TILES][4] = {};
    RunningSoftmax softmax[2];
    const float scale = LOG2_E / sqrtf(static_cast<float>(D));
    for (int tile = 0; tile < tiles; tile++) {
        if (tile + 1 < tiles) {
            startLoad<DEPTH, THREADS>(keys + (tile + 1) % 2 * TILE, k + ofKeys, stride, (tile + 1) * KEYS, KEYS, s);
            startLoad<DEPTH, THREADS>(values + (tile + 1) % 2 * TILE, v + ofKeys, stride, (tile + 1) * KEYS, KEYS, s);
        }
        copyCommit();
        copyWait<1>();
        __syncthreads();
        const T* tileValues = values + tile % 2 * TILE;
        const int firstKey = tile * KEYS;
        if (tile == 0) {
#pragma unroll
            for (int depth = 0; depth < DEPTH / 16; depth++) {
                loadMatrix4(a[depth], queries + (warp * 16 + lane % 16) * ROW + depth * 16 + lane / 16 * 8);
            }
        }

        float scores[KEY_TILES][4];
        multiplyKeys(scores, a, keys + tile % 2 * TILE);
#pragma unroll
        for (int i = 0; i < KEY_TILES; i++) {
#pragma unroll
            for (int j = 0; j < 4; j++) {
                int key = firstKey + i * 8 + lane % 4 * 2 + j % 2;
                bool sees = key < s && (!causal || key <= query + j / 2 * 8);
                scores[i][j] = sees ? scores[i][j] * scale : -infinity();
            }
        }
#pragma unroll
        for (int half = 0; half < 2; half++) {
            float fade = softmax[half].add<2 * KEY_TILES>([&](int i) -> float& { return scores[i / 2][2 * half + i % 2]; });
#pragma unroll
            for (int i = 0; i < COLUMN_TILES; i++) {
                sums[i][2 * half] *= fade;
                sums[i][2 * half + 1] *= fade;
            }
        }

        bool hidesKeys = causal && firstKey + KEYS > first + 1;
        if (hidesKeys && !__syncthreads_and(isFinite(tileValues))) {
            multiplyVisibleValues(sums, scores, tileValues, query, firstKey);
        } else {
            multiplyValues(sums, scores, tileValues);
        }
        __syncthreads();
    }

#pragma unroll
    for (int half = 0; half < 2; half++) {
        float all = softmax[half].sum();
        int row = query + 8 * half;
        if (row < t) {
            T* target = y + ofQueries + row * stride + lane % 4 * 2;
#pragma unroll
            for (int i = 0; i < COLUMN_TILES; i++) {
                *reinterpret_cast<u32*>(target + i * 8) = packPair<T>(sums[i][2 * half] / all, sums[i][2 * half + 1] / all);
            }
        }
    }
}
