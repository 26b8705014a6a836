// Group normalisation over channels-last activations, optionally followed by SiLU.
//   y[n,p,c] = (x[n,p,c] - mean[n,g]) · rstd[n,g] · gain[c] + bias[c],   g = c / (C / G)
// Source    Wu and He 2018, eq. 1; biased variance. Moments of parts are merged as in Chan et al. 1979.
// Java      GroupNormKernels
// Shapes    x, y [N, P, C] of T; gain, bias [C] float; parts [N, G, chunks, 2] float: mean and sum of squares about it.
// Needs     C % G == 0, C + 2 · G floats of shared memory, N <= 65535. VECTOR = 1: C is a multiple of 16 bytes, x and y are aligned to 16 bytes. y may be x.
// Numerics  Sums in float: the mean of a part first, then squares about it, so that a large mean loses no digits. The order of sums depends
//           on P and C alone.
// Schedule  moments: a block for a chunk of pixels of an image, all channels; the second pass finds the chunk in the first-level cache.
//           apply: every block merges the parts of its image, a warp for a group, and then normalises its share of the image.
// Cost      2 reads and 1 write of x: bound by memory. Not yet measured.
#include "elements.cuh"

constexpr int THREADS = 256;
constexpr int WARPS = THREADS / 32;
constexpr int WIDTH = VECTOR ? Pack<T>::SIZE : 1; // channels that a thread takes at once

struct Chunk {
    const T* x; // its first pixel
    int pixels;
    int channels;
    int groups;

    DEVICE int perGroup() const {
        return channels / groups;
    }
};

/** Channels of a pixel from `first` on, as float. */
DEVICE void read(const T* source, float (&values)[WIDTH]) {
    if constexpr (VECTOR) {
        Pack<T> pack = loadPack(source);
#pragma unroll
        for (int i = 0; i < WIDTH; i++) {
            values[i] = toFloat(pack.at[i]);
        }
    } else {
        values[0] = toFloat(*source);
    }
}

/** perGroup[g] = Σ over the chunk of x, or of (x - means[g])² where there are means. `perChannel` is scratch of [lanes, channels]. */
DEVICE void sumGroups(const Chunk& chunk, const float* means, float* perChannel, float* perGroup) {
    const int columns = chunk.channels / WIDTH;
    const int across = min(columns, THREADS);
    const int lanes = THREADS / across; // pixels that are summed side by side
    const int lane = threadIdx.x / across;
    if (lane < lanes) {
        for (int column = threadIdx.x % across; column < columns; column += across) {
            float shift[WIDTH];
            float sums[WIDTH] = {};
#pragma unroll
            for (int i = 0; i < WIDTH; i++) {
                shift[i] = means == nullptr ? 0.0f : means[(column * WIDTH + i) / chunk.perGroup()];
            }
            for (int pixel = lane; pixel < chunk.pixels; pixel += lanes) {
                float values[WIDTH];
                read(chunk.x + static_cast<i64>(pixel) * chunk.channels + column * WIDTH, values);
#pragma unroll
                for (int i = 0; i < WIDTH; i++) {
                    float value = values[i] - shift[i];
                    sums[i] += means == nullptr ? value : value * value;
                }
            }
#pragma unroll
            for (int i = 0; i < WIDTH; i++) {
                perChannel[lane * chunk.channels + column * WIDTH + i] = sums[i];
            }
        }
    }
    __syncthreads();
    for (int group = threadIdx.x / 32; group < chunk.groups; group += WARPS) {
        float sum = 0;
        for (int i = threadIdx.x % 32; i < lanes * chunk.perGroup(); i += 32) {
            int channel = group * chunk.perGroup() + i % chunk.perGroup();
            sum += perChannel[i / chunk.perGroup() * chunk.channels + channel];
        }
        sum = warpSum(sum);
        if (threadIdx.x % 32 == 0) {
            perGroup[group] = sum;
        }
    }
    __syncthreads();
}

/** grid (chunks, N), block 256, dynamic shared memory: lanes · channels + 2 · groups floats. */
extern "C" __global__ void __launch_bounds__(THREADS)
    moments(const T* x, float* parts, int pixels, int pixelsPerChunk, int channels, int groups) {
    DYNAMIC_SHARED(float, means);
    float* squares = means + groups;
    float* perChannel = squares + groups;
    const int first = blockIdx.x * pixelsPerChunk;
    const i64 start = (static_cast<i64>(blockIdx.y) * pixels + first) * channels;
    const Chunk chunk = {x + start, min(pixelsPerChunk, pixels - first), channels, groups};

    sumGroups(chunk, nullptr, perChannel, means);
    for (int group = threadIdx.x; group < groups; group += THREADS) {
        means[group] /= static_cast<float>(chunk.pixels) * chunk.perGroup();
    }
    __syncthreads();
    sumGroups(chunk, means, perChannel, squares);
    float2* result = reinterpret_cast<float2*>(parts) + static_cast<i64>(blockIdx.y) * groups * gridDim.x + blockIdx.x;
    for (int group = threadIdx.x; group < groups; group += THREADS) {
        result[static_cast<i64>(group) * gridDim.x] = make_float2(means[group], squares[group]);
    }
}

/** The mean of a group and the inverse of its deviation, merged by a warp from its parts [chunks]. */
DEVICE float2 merge(const float2* parts, int chunks, int pixels, int pixelsPerChunk, int perGroup, float epsilon) {
    const int lane = threadIdx.x % 32;
    const float count = static_cast<float>(pixels) * perGroup;
    float sum = 0;
    for (int i = lane; i < chunks; i += 32) {
        float size = static_cast<float>(min(pixelsPerChunk, pixels - i * pixelsPerChunk)) * perGroup;
        sum += size * parts[i].x;
    }
    float mean = warpSum(sum) / count;
    float squares = 0;
    for (int i = lane; i < chunks; i += 32) {
        float size = static_cast<float>(min(pixelsPerChunk, pixels - i * pixelsPerChunk)) * perGroup;
        float distance = parts[i].x - mean;
        squares += parts[i].y + size * distance * distance;
    }
    return make_float2(mean, 1.0f / sqrtf(warpSum(squares) / count + epsilon));
}

/** grid (blocks, N), block 256, dynamic shared memory: 2 · groups floats. SILU = 1: followed by x · σ(x). */
extern "C" __global__ void __launch_bounds__(THREADS)
    apply(const T* x, const float* parts, const float* gain, const float* bias, T* y, int pixels, int pixelsPerChunk, int chunks,
          int channels, int groups, float epsilon) {
    DYNAMIC_SHARED(float2, merged);
    const int perGroup = channels / groups;
    const float2* ofImage = reinterpret_cast<const float2*>(parts) + static_cast<i64>(blockIdx.y) * groups * chunks;
    for (int group = threadIdx.x / 32; group < groups; group += WARPS) {
        float2 all = merge(ofImage + static_cast<i64>(group) * chunks, chunks, pixels, pixelsPerChunk, perGroup, epsilon);
        if (threadIdx.x % 32 == 0) {
            merged[group] = all;
        }
    }
    __syncthreads();

    const int columns = channels / WIDTH;
    const i64 count = static_cast<i64>(pixels) * columns;
    const i64 image = static_cast<i64>(blockIdx.y) * pixels * channels;
    for (i64 i = static_cast<i64>(blockIdx.x) * THREADS + threadIdx.x; i < count; i += static_cast<i64>(gridDim.x) * THREADS) {
        const int channel = static_cast<int>(i % columns) * WIDTH;
        float values[WIDTH];
        read(x + image + i * WIDTH, values);
#pragma unroll
        for (int j = 0; j < WIDTH; j++) {
            float2 moments = merged[(channel + j) / perGroup];
            float value = (values[j] - moments.x) * moments.y * gain[channel + j] + bias[channel + j];
            values[j] = SILU ? value / (1.0f + expf(-value)) : value;
        }
        if constexpr (VECTOR) {
            Pack<T> pack;
#pragma unroll
            for (int j = 0; j < WIDTH; j++) {
                pack.at[j] = fromFloat<T>(values[j]);
            }
            storePack(y + image + i * WIDTH, pack);
        } else {
            y[image + i] = fromFloat<T>(values[0]);
        }
    }
}
