// Standard normal numbers as torch draws them on a CUDA device: Philox4x32-10 and the first number of a Box-Muller pair.
//   y[n,p,c] = sqrt(-2 · ln u) · sin(2π · v),   u = (x0 + 1/2) / 2^32,   v = (x1 + 1/2) / 2^32,
//   (x0, x1, ·, ·) = Philox4x32-10 of the counter (draw[n], 0, c · P + p, 0) under the key (low[n], high[n])
// Source    Salmon et al. 2011, section 3.3; Box and Muller 1958; torch's normal distribution on CUDA for the counter.
// Java      RandomKernels
// Shapes    streams [N, 3] i32, for each image the low and the high word of its seed and the number of the draw; y [N, P, C] float. Torch draws
//           [C, P].
// Needs     P · C < 2^31. Torch gives the same numbers where its device has a thread for each of an image's elements.
// Numerics  Whole numbers until the last moment, then float: u from 1/2 on is taken as 1 - u, and v is folded into a quarter of a turn, so that
//           each number is within 10^-6 of its own size of the exact one. An image's numbers depend on its stream alone.
// Schedule  a thread for an element; blockIdx.y counts images.
// Cost      4 bytes written and about 150 instructions for an element. Predicted, not measured: 4 images of 64 x 64 x 4 take under 1 µs of an
//           H200, less than the launch.
// Tried     logf(u) near 1 and sinf(2π · v) near half a turn, as torch does: digits cancel, and single numbers are off by more than 10^-6 of themselves.
#include "elements.cuh"

constexpr int THREADS = 256;

/** The first two words of Philox4x32-10 for the counter (draw, 0, element, 0). */
DEVICE uint2 words(u32 draw, u32 element, u32 key0, u32 key1) {
    u32 c0 = draw;
    u32 c1 = 0;
    u32 c2 = element;
    u32 c3 = 0;
#pragma unroll
    for (int round = 0; round < 10; round++) {
        const u64 product0 = static_cast<u64>(0xd2511f53u) * c0;
        const u64 product1 = static_cast<u64>(0xcd9e8d57u) * c2;
        c0 = static_cast<u32>(product1 >> 32) ^ c1 ^ key0;
        c1 = static_cast<u32>(product1);
        c2 = static_cast<u32>(product0 >> 32) ^ c3 ^ key1;
        c3 = static_cast<u32>(product0);
        key0 += 0x9e3779b9u;
        key1 += 0xbb67ae85u;
    }
    return make_uint2(c0, c1);
}

/** (x + 1/2) / 2^32. */
DEVICE float fraction(u32 x) {
    return static_cast<float>(x) * 0x1p-32f + 0x1p-33f;
}

/** -ln((x + 1/2) / 2^32). */
DEVICE float minusLog(u32 x) {
    return x < 0x80000000u ? -logf(fraction(x)) : -log1pf(-fraction(~x));
}

/** sin(2π · (x + 1/2) / 2^32). */
DEVICE float sineOfTurn(u32 x) {
    const bool isBehind = x - 0x40000000u < 0x80000000u; // in the half of the turn around half a turn: sin(π - a) = sin(a)
    const i32 turn = static_cast<i32>(isBehind ? 0x7fffffffu - x : x);
    return sinpif(static_cast<float>(turn) * 0x1p-31f + 0x1p-32f);
}

/** grid (ceil(P · C / 256), images), block 256. */
extern "C" __global__ void __launch_bounds__(THREADS) normal(const u32* streams, float* y, int images, int pixels, int channels) {
    const int count = pixels * channels;
    const int i = blockIdx.x * THREADS + threadIdx.x;
    if (i >= count) {
        return;
    }
    const u32 element = i % channels * pixels + i / channels;
    for (int image = blockIdx.y; image < images; image += gridDim.y) {
        const u32* stream = streams + 3 * static_cast<i64>(image);
        const uint2 x = words(stream[2], element, stream[0], stream[1]);
        y[static_cast<i64>(image) * count + i] = sqrtf(2 * minusLog(x.x)) * sineOfTurn(x.y);
    }
}
