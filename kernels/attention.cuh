// What attention on tensor cores consists of at any width: rows of a head in shared memory, and the running softmax of a row.
//
// Source    Milakov and Gimelshein 2018, algorithm 3.
// Needs     -D T (f16 or bf16) and D, the width of a head; rows aligned to 16 bytes.
#pragma once

#include "elements.cuh"

constexpr float LOG2_E = 1.4426950408889634f;

constexpr int PAD = 8; // elements after a row in shared memory: rows of an odd number of 16 bytes, so that ldmatrix meets no bank twice

/**
 * Starts copying rows `first` … of a head to shared memory, by all THREADS threads of the block; rows past `count` and channels from D to DEPTH
 * become zero.
 */
template <int DEPTH, int THREADS>
DEVICE void startLoad(T* shared, const T* source, i64 stride, int first, int rows, int count) {
    constexpr int CHUNKS = DEPTH / 8;
    for (int i = threadIdx.x; i < rows * CHUNKS; i += THREADS) {
        int row = i / CHUNKS;
        int channel = i % CHUNKS * 8;
        bool exists = first + row < count && channel < D;
        const T* from = exists ? source + (first + row) * stride + channel : source;
        copyAsync16(shared + row * (DEPTH + PAD) + channel, from, exists);
    }
}

/** The largest of a row's values; the four lanes of a quad hold a row. */
DEVICE float quadMax(float value) {
    value = fmaxf(value, __shfl_xor_sync(~0u, value, 1));
    return fmaxf(value, __shfl_xor_sync(~0u, value, 2));
}

DEVICE float quadSum(float value) {
    value += __shfl_xor_sync(~0u, value, 1);
    return value + __shfl_xor_sync(~0u, value, 2);
}

/** The softmax of a row whose scores come piece by piece, a quad of lanes holding each. */
class RunningSoftmax {
    float largest = -infinity();
    float total = 0; // of this lane's weights

  public:
    /**
     * Turns the next COUNT scores of this lane, score(0) …, into weights. Scores are in units of ln 2 and -infinity where there is no key.
     * Returns the factor by which sums with earlier weights shrink.
     */
    template <int COUNT, class Score>
    DEVICE float add(Score score) {
        float newLargest = largest;
#pragma unroll
        for (int i = 0; i < COUNT; i++) {
            newLargest = fmaxf(newLargest, score(i));
        }
        newLargest = quadMax(newLargest);
        float base = newLargest == -infinity() ? 0.0f : newLargest; // all weights 0 until a score is more than -inf
        float fade = exp2Fast(largest - base);
        largest = newLargest;
        total *= fade;
#pragma unroll
        for (int i = 0; i < COUNT; i++) {
            score(i) = exp2Fast(score(i) - base);
            total += score(i);
        }
        return fade;
    }

    /** The sum of all weights of the row. */
    DEVICE float sum() const {
        return quadSum(total);
    }
};
