// Elements of tensors as numbers, one by one and 16 bytes at a time; sums and maxima over a warp and a block; the last of many blocks.
#pragma once

#include "ptx.cuh"

// ---- one by one ----

DEVICE float toFloat(f32 value) {
    return value;
}

DEVICE float toFloat(f16 value) {
    return f16ToFloat(value);
}

DEVICE float toFloat(bf16 value) {
    return bf16ToFloat(value);
}

/** Rounds to nearest, halves to even. */
template <class E>
DEVICE E fromFloat(float value);

template <>
DEVICE f32 fromFloat<f32>(float value) {
    return value;
}

template <>
DEVICE f16 fromFloat<f16>(float value) {
    return floatToF16(value);
}

template <>
DEVICE bf16 fromFloat<bf16>(float value) {
    return floatToBf16(value);
}

DEVICE float infinity() {
    return __int_as_float(0x7f800000);
}

// ---- 16 bytes at a time ----

/** As many elements as 16 bytes hold: 4 of f32, 8 of f16 and bf16. */
template <class E>
struct alignas(16) Pack {
    static constexpr int SIZE = 16 / sizeof(E);
    E at[SIZE];
};

/** Reads a pack; `source` is aligned to 16 bytes. */
template <class E>
DEVICE Pack<E> loadPack(const E* source) {
    return *reinterpret_cast<const Pack<E>*>(source);
}

/** Writes a pack; `target` is aligned to 16 bytes. */
template <class E>
DEVICE void storePack(E* target, const Pack<E>& pack) {
    *reinterpret_cast<Pack<E>*>(target) = pack;
}

// ---- over a warp and a block; every lane gets the result ----

DEVICE float warpSum(float value) {
    for (int distance = 16; distance > 0; distance /= 2) {
        value += __shfl_xor_sync(~0u, value, distance);
    }
    return value;
}

DEVICE float warpMax(float value) {
    for (int distance = 16; distance > 0; distance /= 2) {
        value = fmaxf(value, __shfl_xor_sync(~0u, value, distance));
    }
    return value;
}

/** The sum over a block of whole warps, in an order that depends on its size alone; `scratch` holds a float for each warp. */
DEVICE float blockSum(float value, float* scratch) {
    value = warpSum(value);
    if (threadIdx.x % 32 == 0) {
        scratch[threadIdx.x / 32] = value;
    }
    __syncthreads();
    float sum = 0;
    for (u32 warp = 0; warp < blockDim.x / 32; warp++) {
        sum += scratch[warp];
    }
    __syncthreads();
    return sum;
}

// ---- among blocks ----

/**
 * Whether this block is the last of `count` that come here with this counter, which is 0 before the first and after the last. The last one sees
 * what all of them have written to memory before. For all threads of a block; never waits for another.
 */
DEVICE bool isLastBlock(u32* counter, u32 count) {
    __syncthreads();
    return __syncthreads_or(threadIdx.x == 0 && arriveLast(counter, count));
}
