// Attention for any type and any head width, with a streaming softmax and ordinary arithmetic.
//   y[n,i,h·D+c] = sum_j softmax_j(q[n,i,h]·k[n,j,h] / sqrt(D)) v[n,j,h·D+c],   j <= i where causal
// Source    Vaswani et al. 2017, eq. 1; streaming softmax: Milakov and Gimelshein 2018, algorithm 3.
// Java      AttentionGeneralKernels
// Shapes    q, y [N, t, C], k, v [N, s, C] of T, C = heads · D, the heads side by side.
// Needs     any t, s >= 1, no alignment; D <= 512, for which 42 of 48 KiB of static shared memory go. D comes in as -D.
// Numerics  Products, softmax and sums in float; keys in order, 32 at a time: the result of an image depends on s alone.
//           A key behind a causal query is never multiplied, so that whatever it holds stays there.
// Schedule  one block of 128 threads for 16 queries of a head: 8 threads a query. K and V pass through shared memory in pieces
//           of 32 keys x 64 channels; a thread keeps D / 8 sums in registers.
// Cost      4·t·s·C FLOP; K and V are read t / 16 times. For f32; in f16 and bf16 for widths that neither attention.cu nor attention_wide.cu
//           takes, and for wide heads with a mask, which no network has. Bound by reads of shared memory, 1.2 for each multiply-add, of which a multiprocessor
//           makes 32 a clock. Predicted, not measured: t = s = 4096 of the VAE's head of 512 in f32 (a picture of 512 x 512, 34 GFLOP) takes 3 ms on
//           an H200, t = s = 16384 (1024 x 1024) 45 ms. On tensor cores attention_wide.cu needs less than a tenth. No spills.
#include "elements.cuh"

constexpr int QUERIES = 16;
constexpr int KEYS = 32;
constexpr int CHANNELS = 64;
constexpr int TEAM = 8; // threads of a query, neighbours in a warp
constexpr int THREADS = QUERIES * TEAM;
constexpr int PIECES = (D + CHANNELS - 1) / CHANNELS;
constexpr int PADDED = PIECES * CHANNELS;
constexpr int KEYS_PER_THREAD = KEYS / TEAM;
constexpr int CHANNELS_PER_THREAD = CHANNELS / TEAM;
constexpr int ROW = CHANNELS + 1; // one more, so that a column lies in all banks

/** Copies `rows` rows of a head's channels from `first` on to shared memory, with zeros where there are none. */
DEVICE void loadPiece(float (*target)[ROW], const T* source, i64 stride, int rows, int first) {
    for (int i = threadIdx.x; i < KEYS * CHANNELS; i += THREADS) {
        int row = i / CHANNELS;
        int channel = first + i % CHANNELS;
        bool exists = row < rows && channel < D;
        target[row][i % CHANNELS] = exists ? toFloat(source[row * stride + channel]) : 0.0f;
    }
}

DEVICE float teamMax(float value) {
    for (int distance = TEAM / 2; distance > 0; distance /= 2) {
        value = fmaxf(value, __shfl_xor_sync(~0u, value, distance));
    }
    return value;
}

DEVICE float teamSum(float value) {
    for (int distance = TEAM / 2; distance > 0; distance /= 2) {
        value += __shfl_xor_sync(~0u, value, distance);
    }
    return value;
}

/** grid (ceil(t / 16), heads, N), block 128. */
extern "C" __global__ void __launch_bounds__(THREADS)
    attention(const T* q, const T* k, const T* v, T* y, int t, int s, int causal) {
    __shared__ float queries[QUERIES][PADDED + 1];
    __shared__ float piece[KEYS][ROW];
    __shared__ float weights[QUERIES][KEYS + 1];
    const i64 stride = static_cast<i64>(gridDim.y) * D;
    const int firstQuery = blockIdx.x * QUERIES;
    const int row = threadIdx.x / TEAM;
    const int member = threadIdx.x % TEAM;
    const int query = firstQuery + row;
    q += (static_cast<i64>(blockIdx.z) * t + firstQuery) * stride + blockIdx.y * D;
    y += (static_cast<i64>(blockIdx.z) * t + firstQuery) * stride + blockIdx.y * D;
    k += static_cast<i64>(blockIdx.z) * s * stride + blockIdx.y * D;
    v += static_cast<i64>(blockIdx.z) * s * stride + blockIdx.y * D;

    for (int i = threadIdx.x; i < QUERIES * PADDED; i += THREADS) {
        int r = i / PADDED;
        int channel = i % PADDED;
        bool exists = firstQuery + r < t && channel < D;
        queries[r][channel] = exists ? toFloat(q[r * stride + channel]) : 0.0f;
    }

    const float scale = 1.0f / sqrtf(static_cast<float>(D));
    const int visible = causal ? min(s, query + 1) : s; // keys that this thread's query sees
    const int last = causal ? min(s, firstQuery + QUERIES) : s;
    float sums[PIECES * CHANNELS_PER_THREAD] = {};
    float largest = -infinity();
    float total = 0;
    for (int first = 0; first < last; first += KEYS) {
        float scores[KEYS_PER_THREAD] = {};
        for (int p = 0; p < PIECES; p++) {
            __syncthreads();
            loadPiece(piece, k + first * stride, stride, s - first, p * CHANNELS);
            __syncthreads();
            for (int c = 0; c < CHANNELS; c++) {
                float element = queries[row][p * CHANNELS + c];
#pragma unroll
                for (int i = 0; i < KEYS_PER_THREAD; i++) {
                    scores[i] = fmaf(element, piece[member + i * TEAM][c], scores[i]);
                }
            }
        }

        float newLargest = largest;
#pragma unroll
        for (int i = 0; i < KEYS_PER_THREAD; i++) {
            bool sees = first + member + i * TEAM < visible;
            scores[i] = sees ? scores[i] * scale : -infinity();
            newLargest = fmaxf(newLargest, scores[i]);
        }
        newLargest = teamMax(newLargest);
        float base = newLargest == -infinity() ? 0.0f : newLargest; // as long as every score is -inf, every weight is 0
        float fade = expf(largest - base);
        largest = newLargest;
        total *= fade;
#pragma unroll
        for (int i = 0; i < KEYS_PER_THREAD; i++) {
            float weight = expf(scores[i] - base);
            weights[row][member + i * TEAM] = weight;
            total += weight;
        }
#pragma unroll
        for (int i = 0; i < PIECES * CHANNELS_PER_THREAD; i++) {
            sums[i] *= fade;
        }

#pragma unroll
        for (int p = 0; p < PIECES; p++) {
            __syncthreads();
            loadPiece(piece, v + first * stride, stride, s - first, p * CHANNELS);
            __syncthreads();
            int count = min(KEYS, visible - first);
            for (int key = 0; key < count; key++) {
                float weight = weights[row][key];
#pragma unroll
                for (int i = 0; i < CHANNELS_PER_THREAD; i++) {
                    float& sum = sums[p * CHANNELS_PER_THREAD + i];
                    sum = fmaf(weight, piece[key][member + i * TEAM], sum);
                }
            }
        }
    }

    total = teamSum(total);
#pragma unroll
    for (int i = 0; i < PIECES * CHANNELS_PER_THREAD; i++) {
        int channel = i / CHANNELS_PER_THREAD * CHANNELS + member + i % CHANNELS_PER_THREAD * TEAM;
        if (query < t && channel < D) {
            y[row * stride + channel] = fromFloat<T>(sums[i] / total);
        }
    }
}
