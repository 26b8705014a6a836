// Group normalisation over channels-last activations, optionally followed by SiLU.
//   y[n,p,c] = (x[n,p,c] - mean[n,g]) · rstd[n,g] · gain[c] + bias[c],   g = c / (C / G)
// x is one map, or the channels of a and then those of b; a group may lie in both.
// Source    Wu and He 2018, eq. 1; biased variance. Moments are merged as in Chan et al. 1979.
// Java      GroupNormKernels
// Shapes    a [N, P, A], b [N, P, C - A], x and y [N, P, C] of T; gain, bias [C] float; moments of channels as moments.cuh has them.
// Needs     C % G == 0, 8 · (C + G) bytes of shared memory, N <= 65535, P · C / WIDTH < 2^30. VECTOR = 1: A and C - A are multiples of
//           16 bytes, all maps are aligned to 16 bytes. y may be a where there is no b.
// Numerics  Sums in float about the mean, in an order that depends on P, C and G alone, be the moments made here or by what computed x.
// Schedule  apply: every block merges the channels of its image to groups, a warp for a group, and then normalises its share of the image.
//           One launch where the maps came with their moments, as those from convolutions do.
//           moments: for all other maps, a block for a part of an image and 512 channels at most; four threads take turns in the pixels
//           of 16 bytes of channels. The block that comes last merges the parts.
// Cost      apply: 1 read and 1 write of x, and 8 · C bytes of moments in each block: bound by memory. A map of 64 x 64 x 320 of f16 takes 160
//           blocks at batch 1, one of 8 x 8 x 1280 as few as 40. moments: 1 read of x. Not yet measured.
// Tried     Moments of groups for each part, merged by every block of apply: two launches, 8 · G · P bytes in each block, which at 64 x 64 is
//           twice what it normalises, and none for a group that lies in two maps.
#include "moments.cuh"

constexpr int THREADS = 256;
constexpr int WARPS = THREADS / 32;
constexpr int WIDTH = VECTOR ? Pack<T>::SIZE : 1; // channels that a thread takes at once

/** Channels of a pixel from `source` on, as float. */
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

DEVICE void write(T* target, const float (&values)[WIDTH]) {
    if constexpr (VECTOR) {
        Pack<T> pack;
#pragma unroll
        for (int i = 0; i < WIDTH; i++) {
            pack.at[i] = fromFloat<T>(values[i]);
        }
        storePack(target, pack);
    } else {
        *target = fromFloat<T>(values[0]);
    }
}

/** What a block takes the moments of: some channels of a part's pixels. */
struct Slab {
    const T* x;   // the first of these channels in the first pixel
    int pixels;
    int width;    // channels
    int channels; // of a pixel, with those outside the slab
    int lanes;    // threads that take turns in the pixels
};

/** sums[c] = Σ over the slab of x, or of (x - means[c])² where there are means, in as many strands as there are lanes. */
DEVICE void sumChannels(const Slab& slab, const float* means, float* sums) {
    __shared__ float strands[THREADS * WIDTH];
    const int across = THREADS / slab.lanes;
    const int lane = threadIdx.x / across;
    const int first = threadIdx.x % across * WIDTH;
    if (lane < slab.lanes && first < slab.width) {
        float own[WIDTH] = {};
        float shift[WIDTH];
#pragma unroll
        for (int i = 0; i < WIDTH; i++) {
            shift[i] = means == nullptr ? 0.0f : means[first + i];
        }
#pragma unroll 4
        for (int pixel = lane; pixel < slab.pixels; pixel += slab.lanes) {
            float values[WIDTH];
            read(slab.x + static_cast<i64>(pixel) * slab.channels + first, values);
#pragma unroll
            for (int i = 0; i < WIDTH; i++) {
                own[i] = means == nullptr ? own[i] + values[i] : addSquare(own[i], values[i], shift[i]);
            }
        }
#pragma unroll
        for (int i = 0; i < WIDTH; i++) {
            strands[lane * slab.width + first + i] = own[i];
        }
    }
    __syncthreads();
    for (int channel = threadIdx.x; channel < slab.width; channel += THREADS) {
        float sum = strands[channel];
        for (int i = 1; i < slab.lanes; i++) {
            sum += strands[i * slab.width + channel];
        }
        sums[channel] = sum;
    }
    __syncthreads();
}

/**
 * grid (parts, N, slabs of THREADS / lanes · WIDTH channels), block 256; arrivals [N, slabs] are 0 before and after. `lanes` is PART_STRANDS where
 * parts are of PART_PIXELS pixels, never less.
 */
extern "C" __global__ void __launch_bounds__(THREADS)
    moments(const T* x, float2* parts, float2* merged, u32* arrivals, int pixels, int pixelsPerPart, int channels, int lanes) {
    __shared__ float means[THREADS / PART_STRANDS * WIDTH];
    __shared__ float squares[THREADS / PART_STRANDS * WIDTH];
    const int slabWidth = THREADS / lanes * WIDTH;
    const int channel = blockIdx.z * slabWidth;
    const int pixel = blockIdx.x * pixelsPerPart;
    const T* start = x + (static_cast<i64>(blockIdx.y) * pixels + pixel) * channels + channel;
    const Slab slab = {start, min(pixelsPerPart, pixels - pixel), min(slabWidth, channels - channel), channels, lanes};

    sumChannels(slab, nullptr, means);
    for (int i = threadIdx.x; i < slab.width; i += THREADS) {
        means[i] /= slab.pixels;
    }
    __syncthreads();
    sumChannels(slab, means, squares);
    float2* ofImage = parts + static_cast<i64>(blockIdx.y) * gridDim.x * channels + channel;
    for (int i = threadIdx.x; i < slab.width; i += THREADS) {
        ofImage[static_cast<i64>(blockIdx.x) * channels + i] = make_float2(means[i], squares[i]);
    }
    if (isLastBlock(arrivals + blockIdx.y * gridDim.z + blockIdx.z, gridDim.x)) {
        for (int i = threadIdx.x; i < slab.width; i += THREADS) {
            merged[blockIdx.y * channels + channel + i] = mergeParts(ofImage + i, channels, pixels, pixelsPerPart);
        }
    }
}

/** One or two maps side by side, and the moments of their channels. */
struct Maps {
    const T* a;
    const T* b;
    const float2* momentsA;
    const float2* momentsB;
    int pixels; // of an image
    int channelsA;
    int channelsB;

    DEVICE float2 moments(int image, int channel) const {
        return channel < channelsA ? momentsA[image * channelsA + channel] : momentsB[image * channelsB + channel - channelsA];
    }

    /** Where channels from `channel` on lie. */
    DEVICE const T* at(int image, int pixel, int channel) const {
        i64 row = static_cast<i64>(image) * pixels + pixel;
        return channel < channelsA ? a + row * channelsA + channel : b + row * channelsB + channel - channelsA;
    }
};

/** The mean of a group and the inverse of its deviation, merged by a warp from `count` channels from `first` on. */
DEVICE float2 mergeChannels(const Maps& maps, int image, int first, int count, float epsilon) {
    const int lane = threadIdx.x % 32;
    float sum = 0;
    for (int i = lane; i < count; i += 32) {
        sum += maps.moments(image, first + i).x;
    }
    float mean = warpSum(sum) / count;
    float squares = 0;
    for (int i = lane; i < count; i += 32) {
        float2 channel = maps.moments(image, first + i);
        float distance = channel.x - mean;
        squares += channel.y + maps.pixels * distance * distance;
    }
    float variance = warpSum(squares) / (static_cast<float>(maps.pixels) * count);
    return make_float2(mean, 1.0f / sqrtf(variance + epsilon));
}

/** grid (blocks, N), block 256, dynamic shared memory: (C + G) float2. SILU = 1: followed by x · σ(x). */
extern "C" __global__ void __launch_bounds__(THREADS)
    apply(const T* a, const T* b, const float2* momentsA, const float2* momentsB, const float* gain, const float* bias, T* y, int pixels,
          int channelsA, int channelsB, int groups, float epsilon) {
    DYNAMIC_SHARED(float2, ofChannels); // the mean of its group, and the inverse of its deviation times the gain
    const Maps maps = {a, b, momentsA, momentsB, pixels, channelsA, channelsB};
    const int image = blockIdx.y;
    const int channels = channelsA + channelsB;
    const int perGroup = channels / groups;
    float2* ofGroups = ofChannels + channels;
    for (int group = threadIdx.x / 32; group < groups; group += WARPS) {
        float2 merged = mergeChannels(maps, image, group * perGroup, perGroup, epsilon);
        if (threadIdx.x % 32 == 0) {
            ofGroups[group] = merged;
        }
    }
    __syncthreads();
    for (int channel = threadIdx.x; channel < channels; channel += THREADS) {
        float2 group = ofGroups[channel / perGroup];
        ofChannels[channel] = make_float2(group.x, group.y * gain[channel]);
    }
    __syncthreads();

    const int columns = channels / WIDTH;
    const int count = pixels * columns;
    T* result = y + static_cast<i64>(image) * pixels * channels;
    for (int i = blockIdx.x * THREADS + threadIdx.x; i < count; i += gridDim.x * THREADS) {
        const int pixel = i / columns;
        const int channel = (i - pixel * columns) * WIDTH;
        float values[WIDTH];
        read(maps.at(image, pixel, channel), values);
#pragma unroll
        for (int j = 0; j < WIDTH; j++) {
            float2 scale = ofChannels[channel + j];
            float value = (values[j] - scale.x) * scale.y + bias[channel + j];
            values[j] = SILU ? value / (1.0f + expf(-value)) : value;
        }
        write(result + static_cast<i64>(i) * WIDTH, values);
    }
}
