// Convolution kernels as files have them, turned into what convolution.cu reads.
//   channelsLast  target[o, k, i] = source[o, i, k]
//   phases        target[2p + q, o, a, b, i] = Σ source[o, i, r, s] over r in R(p, a), s in R(q, b),
//                 R(0, 0) = {0}, R(0, 1) = {1, 2}, R(1, 0) = {0, 1}, R(1, 1) = {2}                          (convolution.cu says why)
// Source    a change of layout, and the sums that convolution.cu derives.
// Java      ConversionKernels
// Shapes    source [rows, in, kh, kw] of FROM, a few rows at a time; target of T.
// Needs     any sizes from 1; phases takes kernels of 3 x 3.
// Numerics  Sums in float in the order of the formula; one rounding to T.
// Schedule  a thread for an element of the target: writes lie side by side, reads kh · kw elements apart, so that a line is read that many times,
//           mostly from the caches.
// Cost      runs once for each weight, behind the copy that brings it. Predicted, not measured: the 1 GB of convolutions of Stable Diffusion 1.5
//           in f16 take under 5 ms of an H200 even if a tenth of its 4.3 TB/s is reached, and 20 ms of a bus of 50 GB/s.
#include "elements.cuh"

constexpr int THREADS = 256;

/** source [rows, in, taps] → target [rows, taps, in]. */
extern "C" __global__ void __launch_bounds__(THREADS) channelsLast(const FROM* source, T* target, int rows, int in, int taps) {
    const i64 i = static_cast<i64>(blockIdx.x) * THREADS + threadIdx.x;
    if (i < static_cast<i64>(rows) * in * taps) {
        const i64 channel = i % in;
        const i64 tap = i / in % taps;
        const i64 row = i / in / taps;
        target[i] = fromFloat<T>(toFloat(source[(row * in + channel) * taps + tap]));
    }
}

/** source [rows, in, 3, 3] → rows `firstRow` … of the four phases of target [4, out, 2, 2, in]. */
extern "C" __global__ void __launch_bounds__(THREADS)
    phases(const FROM* source, T* target, int firstRow, int rows, int out, int in) {
    const i64 i = static_cast<i64>(blockIdx.x) * THREADS + threadIdx.x;
    if (i >= 16 * static_cast<i64>(rows) * in) {
        return;
    }
    const int channel = static_cast<int>(i % in);
    const int b = static_cast<int>(i / in % 2);
    const int a = static_cast<int>(i / in / 2 % 2);
    const int row = static_cast<int>(i / in / 4 % rows);
    const int phase = static_cast<int>(i / in / 4 / rows);
    const int p = phase / 2;
    const int q = phase % 2;
    const FROM* taps = source + (static_cast<i64>(row) * in + channel) * 9;
    float sum = 0;
    for (int r = a == 0 ? 0 : 1 + p; r <= (a == 0 ? p : 2); r++) {
        for (int s = b == 0 ? 0 : 1 + q; s <= (b == 0 ? q : 2); s++) {
            sum += toFloat(taps[3 * r + s]);
        }
    }
    target[(((static_cast<i64>(phase) * out + firstRow + row) * 2 + a) * 2 + b) * in + channel] = fromFloat<T>(sum);
}
