// Moments of a map's channels: for each image and channel the mean over its pixels and the sum of squares about it.
//   mean = Σ x / pixels,   squares = Σ (x - mean)²
// An image's pixels are cut into parts; each has its moments, which are then merged:
//   mean = Σ size · mean_p / pixels,   squares = Σ squares_p + size · (mean_p - mean)²
//
// Source    Chan et al. 1979, eq. 2.1, for many parts at once.
// Java      ChannelMoments
// Shapes    parts [N, P, C, 2], merged [N, C, 2] float: mean, squares. Parts are of PART_PIXELS pixels, the last one of what is left; maps of very
//           many pixels have larger ones (ChannelMoments).
// Numerics  Sums in float, about the mean, so that a large mean loses no digits. Every sum has the same order and the same roundings, whoever
//           takes it: the blocks that compute a map (leave) or groupnorm.cu. The bits depend on the values of one image alone.
#pragma once

#include "elements.cuh"

constexpr int PART_PIXELS = 64;   // every product's tile has a multiple of as many rows
constexpr int PART_STRANDS = 4;   // sums that are taken side by side within a part of that size,
constexpr int MERGE_STRANDS = 16; // and over parts

/** A sum over i < count, by sum = add(sum, i): one for each i % STRANDS, i ascending, and then all of these in ascending order. */
template <int STRANDS, class Add>
DEVICE float sumInStrands(int count, Add add) {
    float sums[STRANDS] = {};
#pragma unroll 1
    for (int first = 0; first < count; first += STRANDS) {
#pragma unroll
        for (int i = 0; i < STRANDS; i++) {
            if (first + i < count) {
                sums[i] = add(sums[i], first + i);
            }
        }
    }
    float sum = sums[0];
#pragma unroll
    for (int i = 1; i < STRANDS; i++) {
        sum += sums[i];
    }
    return sum;
}

/** sum + (value - mean)², rounded twice. */
DEVICE float addSquare(float sum, float value, float mean) {
    float distance = value - mean;
    return fmaf(distance, distance, sum);
}

/** The moments of PART_PIXELS values. */
template <class At>
DEVICE float2 momentsOfPart(At at) {
    float mean = sumInStrands<PART_STRANDS>(PART_PIXELS, [&](float sum, int i) { return sum + at(i); }) / PART_PIXELS;
    return make_float2(mean, sumInStrands<PART_STRANDS>(PART_PIXELS, [&](float sum, int i) { return addSquare(sum, at(i), mean); }));
}

/** The moments of a channel of an image, merged from those of its parts, which lie `stride` apart and are of `size` pixels but the last. */
DEVICE float2 mergeParts(const float2* parts, int stride, int pixels, int size) {
    int count = (pixels + size - 1) / size;
    auto sizeOf = [&](int i) { return static_cast<float>(min(size, pixels - i * size)); };
    auto part = [&](int i) { return parts[static_cast<i64>(i) * stride]; };
    float mean = sumInStrands<MERGE_STRANDS>(count, [&](float sum, int i) { return fmaf(sizeOf(i), part(i).x, sum); }) / pixels;
    float squares = sumInStrands<MERGE_STRANDS>(count, [&](float sum, int i) {
        float distance = part(i).x - mean;
        return fmaf(sizeOf(i) * distance, distance, sum + part(i).y);
    });
    return make_float2(mean, squares);
}
