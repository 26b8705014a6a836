// Operations on one element at a time, or on one of each of two tensors.
//   unary       y[i] = FUNCTION(x[i])            scaled, clipped, exponential, silu, gelu, quickGelu, converted
//   binary      y[i] = FUNCTION(a[i], b[i % period])                          sum, product
//   perChannel  y[n,p,c] = x[n,p,c] + t[n,c]
// Source    GELU: Hendrycks and Gimpel 2016, with the exact error function; quick GELU: OpenAI's CLIP.
// Java      PointwiseKernels
// Shapes    dense; x of FROM, y of T (both T but for `converted`); a, b, t of T.
// Needs     nothing. y may be x or a.
// Numerics  In float, one rounding to T; integers round to nearest, halves to even, and are held to their range.
// Schedule  4 elements a thread, a block's width apart.
// Cost      bound by memory. Not yet measured.
#include "elements.cuh"

constexpr int THREADS = 256;
constexpr int PER_THREAD = 4;

DEVICE float toFloat(i32 value) {
    return static_cast<float>(value);
}

DEVICE float toFloat(u8 value) {
    return value;
}

template <>
DEVICE i32 fromFloat<i32>(float value) {
    return __float2int_rn(value);
}

template <>
DEVICE u8 fromFloat<u8>(float value) {
    return static_cast<u8>(__float2int_rn(fminf(fmaxf(value, 0.0f), 255.0f)));
}

DEVICE float scaled(float x, float factor, float) {
    return x * factor;
}

DEVICE float clipped(float x, float low, float high) {
    return x != x ? x : fminf(fmaxf(x, low), high);
}

DEVICE float exponential(float x, float, float) {
    return expf(x);
}

DEVICE float silu(float x, float, float) {
    return x / (1.0f + expf(-x));
}

DEVICE float gelu(float x, float, float) {
    return 0.5f * x * erfcf(-0.70710678f * x); // 1 + erf would cancel where x is much below 0
}

DEVICE float quickGelu(float x, float, float) {
    return x / (1.0f + expf(-1.702f * x));
}

DEVICE float converted(float x, float, float) {
    return x;
}

DEVICE float sum(float a, float b) {
    return a + b;
}

DEVICE float product(float a, float b) {
    return a * b;
}

/** Calls body(i) for this thread's elements of `count`. */
template <class Body>
DEVICE void forEachElement(i64 count, Body body) {
    const i64 first = static_cast<i64>(blockIdx.x) * THREADS * PER_THREAD + threadIdx.x;
#pragma unroll
    for (int k = 0; k < PER_THREAD; k++) {
        i64 i = first + k * THREADS;
        if (i < count) {
            body(i);
        }
    }
}

#ifdef UNARY
extern "C" __global__ void __launch_bounds__(THREADS) unary(const FROM* x, T* y, i64 count, float first, float second) {
    forEachElement(count, [&](i64 i) { y[i] = fromFloat<T>(UNARY(toFloat(x[i]), first, second)); });
}
#endif

#ifdef BINARY
extern "C" __global__ void __launch_bounds__(THREADS) binary(const T* a, const T* b, T* y, i64 count, i64 period) {
    forEachElement(count, [&](i64 i) { y[i] = fromFloat<T>(BINARY(toFloat(a[i]), toFloat(b[i % period]))); });
}

extern "C" __global__ void __launch_bounds__(THREADS)
    perChannel(const T* x, const T* t, T* y, i64 count, i64 elementsPerImage, int channels) {
    forEachElement(count, [&](i64 i) {
        y[i] = fromFloat<T>(BINARY(toFloat(x[i]), toFloat(t[i / elementsPerImage * channels + i % channels])));
    });
}
#endif
