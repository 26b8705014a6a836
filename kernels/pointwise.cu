// Operations on one element at a time, or on one of each of two tensors.
//   unary       y[i] = FUNCTION(x[i])            scaled, clipped, exponential, silu, gelu, quickGelu, converted, fromPixel, toPixel
//   binary      y[i] = FUNCTION(a[i], b[i % period])                          sum, product
//   perChannel  y[n,p,c] = FUNCTION(x[n,p,c], t[n,c])
//   gathered    y[r,c] = FUNCTION(table[ids[r],c], b[(r · C + c) % period])
// Source    GELU: Hendrycks and Gimpel 2016, with the exact error function; quick GELU: OpenAI's CLIP.
// Java      PointwiseKernels
// Shapes    dense; x of FROM, y of T (both T but for converted, fromPixel and toPixel); a, b, t, table of T; ids i32.
// Needs     any sizes. packed = 1: pointers are aligned to 16 bytes, period and channels are multiples of WIDTH. y may be x or a.
// Numerics  In float, one rounding to T; integers round to nearest, halves to even, and are held to their range; not a number becomes 0 in them.
// Schedule  a thread for the WIDTH elements that the wider type has in 16 bytes, which move at once where they are packed.
// Cost      reads x, or a and b, and writes y: bound by memory, at two to ten operations an element. Predicted, not measured: 2 x 64 x 64 x 320 of
//           f16 plus as many take 4 µs on an H200 at 4.3 TB/s.
// Tried     An element a thread and four of them a block's width apart, with a 64-bit remainder for each: four to eight times the instructions.
#include "elements.cuh"

constexpr int THREADS = 256;
constexpr int WIDTH = 16 / (sizeof(FROM) > sizeof(T) ? sizeof(FROM) : sizeof(T));

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

/** 0 … 255 to -1 … 1. */
DEVICE float fromPixel(float x, float, float) {
    return x / 127.5f - 1.0f;
}

/** -1 … 1 to 0 … 255; u8 has no more. */
DEVICE float toPixel(float x, float, float) {
    return (x / 2 + 0.5f) * 255.0f;
}

DEVICE float sum(float a, float b) {
    return a + b;
}

DEVICE float product(float a, float b) {
    return a * b;
}

/** COUNT adjacent elements that move at once. */
template <class E, int COUNT>
struct alignas(COUNT * sizeof(E)) Some {
    E at[COUNT];
};

template <int COUNT, class E>
DEVICE Some<E, COUNT> read(const E* source) {
    return *reinterpret_cast<const Some<E, COUNT>*>(source);
}

template <int COUNT, class E>
DEVICE void write(E* target, const Some<E, COUNT>& values) {
    *reinterpret_cast<Some<E, COUNT>*>(target) = values;
}

/** How many elements a body is compiled for. */
template <int COUNT>
struct Several {
    static constexpr int count = COUNT;
};

/** Calls body(i, Several) for this thread's elements of `total`, all at once or one by one. */
template <class Body>
DEVICE void forThisThread(i64 total, int packed, Body body) {
    const i64 first = (static_cast<i64>(blockIdx.x) * THREADS + threadIdx.x) * WIDTH;
    if (packed && first + WIDTH <= total) {
        body(first, Several<WIDTH>());
        return;
    }
    for (i64 i = first; i < first + WIDTH && i < total; i++) {
        body(i, Several<1>());
    }
}

#ifdef UNARY
extern "C" __global__ void __launch_bounds__(THREADS) unary(const FROM* x, T* y, i64 total, int packed, float first, float second) {
    forThisThread(total, packed, [&](i64 i, auto several) {
        constexpr int COUNT = decltype(several)::count;
        const Some<FROM, COUNT> from = read<COUNT>(x + i);
        Some<T, COUNT> to;
#pragma unroll
        for (int k = 0; k < COUNT; k++) {
            to.at[k] = fromFloat<T>(UNARY(toFloat(from.at[k]), first, second));
        }
        write<COUNT>(y + i, to);
    });
}
#endif

#ifdef BINARY
template <int COUNT>
DEVICE void combine(const T* a, const T* b, T* y) {
    const Some<T, COUNT> left = read<COUNT>(a);
    const Some<T, COUNT> right = read<COUNT>(b);
    Some<T, COUNT> result;
#pragma unroll
    for (int k = 0; k < COUNT; k++) {
        result.at[k] = fromFloat<T>(BINARY(toFloat(left.at[k]), toFloat(right.at[k])));
    }
    write<COUNT>(y, result);
}

extern "C" __global__ void __launch_bounds__(THREADS) binary(const T* a, const T* b, T* y, i64 total, int packed, i64 period) {
    forThisThread(total, packed, [&](i64 i, auto several) {
        combine<decltype(several)::count>(a + i, b + (period == total ? i : i % period), y + i);
    });
}

extern "C" __global__ void __launch_bounds__(THREADS)
    perChannel(const T* x, const T* t, T* y, i64 total, int packed, i64 elementsPerImage, int channels) {
    forThisThread(total, packed, [&](i64 i, auto several) {
        combine<decltype(several)::count>(x + i, t + i / elementsPerImage * channels + i % channels, y + i);
    });
}

extern "C" __global__ void __launch_bounds__(THREADS)
    gathered(const int* ids, const T* table, const T* b, T* y, i64 total, int packed, i64 period, int channels) {
    forThisThread(total, packed, [&](i64 i, auto several) {
        const T* row = table + static_cast<i64>(ids[i / channels]) * channels;
        combine<decltype(several)::count>(row + i % channels, b + i % period, y + i);
    });
}
#endif
