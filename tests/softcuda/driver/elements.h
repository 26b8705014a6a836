// Elements of f32, f16 and bf16 as numbers, for the software libraries, and sums whose order depends on a number of parts.
#pragma once

#include <immintrin.h>

#include <cstdint>
#include <cstring>

namespace softcuda {

enum class Type { F32, F16, BF16 };

inline size_t bytesOf(Type type) { return type == Type::F32 ? 4 : 2; }

inline float load(const void* from, Type type, size_t i) {
    if (type == Type::F32) return static_cast<const float*>(from)[i];
    uint16_t half = static_cast<const uint16_t*>(from)[i];
    if (type == Type::F16) return _cvtsh_ss(half);
    uint32_t bits = uint32_t(half) << 16;
    float value;
    memcpy(&value, &bits, 4);
    return value;
}

/** Rounds to nearest, halves to even. */
inline void store(void* to, Type type, size_t i, float value) {
    if (type == Type::F32) {
        static_cast<float*>(to)[i] = value;
    } else if (type == Type::F16) {
        static_cast<uint16_t*>(to)[i] = _cvtss_sh(value, 0);
    } else {
        uint32_t bits;
        memcpy(&bits, &value, 4);
        bool isNan = (bits & 0x7fffffff) > 0x7f800000;
        static_cast<uint16_t*>(to)[i] = static_cast<uint16_t>(isNan ? bits >> 16 | 0x40 : (bits + 0x7fff + (bits >> 16 & 1)) >> 16);
    }
}

/** Σ a[k] · b[k] in float, as `parts` sums one after another that are then added up; inside of a part eight sums side by side. */
inline float dot(const float* a, const float* b, int depth, int parts) {
    float total = 0;
    for (int part = 0; part < parts; part++) {
        int k = static_cast<int>(int64_t(depth) * part / parts), end = static_cast<int>(int64_t(depth) * (part + 1) / parts);
        __m256 sums = _mm256_setzero_ps();
        for (; k + 8 <= end; k += 8) sums = _mm256_fmadd_ps(_mm256_loadu_ps(a + k), _mm256_loadu_ps(b + k), sums);
        float lanes[8], sum = 0;
        _mm256_storeu_ps(lanes, sums);
        for (float lane : lanes) sum += lane;
        for (; k < end; k++) sum += a[k] * b[k];
        total += sum;
    }
    return total;
}

}  // namespace softcuda
