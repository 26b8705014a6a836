// The C++ twins of the functions in kernels/ptx.cuh, which includes this file on the software device.
//
// Tensor core operations and copies are done by the runtime: compiled once, without instrumentation, checking by themselves.
#pragma once

#define DEVICE inline __attribute__((always_inline))

#define DYNAMIC_SHARED(type, name) type* name = softcuda::dynamicShared<type>()

#pragma GCC visibility push(default)
namespace softcuda {
enum ElementType { F16, BF16 };
void multiplyAccumulate(float* d, const u32* a, u32 b0, u32 b1, ElementType type);
void loadMatrices(u32* registers, const void* row, int count, bool transposed);
void startCopy16(void* shared, const void* global, bool valid);
void commitCopies();
void waitForCopies(unsigned pendingGroups);
}  // namespace softcuda
#pragma GCC visibility pop

namespace softcuda {
typedef short Halves __attribute__((vector_size(16)));
typedef float Floats __attribute__((vector_size(16)));
}  // namespace softcuda

DEVICE float f16ToFloat(f16 value) {
    return __builtin_ia32_vcvtph2ps(softcuda::Halves{static_cast<short>(value.bits)})[0];
}

DEVICE f16 floatToF16(float value) {
    return {static_cast<u16>(__builtin_ia32_vcvtps2ph(softcuda::Floats{value}, 0)[0])};
}

DEVICE float bf16ToFloat(bf16 value) { return __uint_as_float(static_cast<u32>(value.bits) << 16); }

DEVICE bf16 floatToBf16(float value) {
    u32 bits = __float_as_uint(value);
    bool isNan = (bits & 0x7fffffffu) > 0x7f800000u;
    return {static_cast<u16>(isNan ? 0x7fff : (bits + 0x7fffu + (bits >> 16 & 1)) >> 16)};
}

template <class T>
DEVICE u32 packPair(float low, float high);

template <>
DEVICE u32 packPair<f16>(float low, float high) {
    return floatToF16(low).bits | static_cast<u32>(floatToF16(high).bits) << 16;
}

template <>
DEVICE u32 packPair<bf16>(float low, float high) {
    return floatToBf16(low).bits | static_cast<u32>(floatToBf16(high).bits) << 16;
}

DEVICE void mma(float (&d)[4], const u32 (&a)[4], u32 b0, u32 b1, f16) {
    softcuda::multiplyAccumulate(d, a, b0, b1, softcuda::F16);
}

#if __CUDA_ARCH__ >= 800
DEVICE void mma(float (&d)[4], const u32 (&a)[4], u32 b0, u32 b1, bf16) {
    softcuda::multiplyAccumulate(d, a, b0, b1, softcuda::BF16);
}
#endif

DEVICE void loadMatrix4(u32 (&r)[4], const void* row) { softcuda::loadMatrices(r, row, 4, false); }

DEVICE void loadMatrix4Transposed(u32 (&r)[4], const void* row) { softcuda::loadMatrices(r, row, 4, true); }

DEVICE void loadMatrix2(u32 (&r)[2], const void* row) { softcuda::loadMatrices(r, row, 2, false); }

DEVICE void loadMatrix2Transposed(u32 (&r)[2], const void* row) { softcuda::loadMatrices(r, row, 2, true); }

#if __CUDA_ARCH__ >= 800
DEVICE void copyAsync16(void* shared, const void* global, bool valid) { softcuda::startCopy16(shared, global, valid); }

DEVICE void copyCommit() { softcuda::commitCopies(); }

template <int Pending>
DEVICE void copyWait() {
    softcuda::waitForCopies(Pending);
}
#else
DEVICE void copyAsync16(void* shared, const void* global, bool valid) {
    *static_cast<uint4*>(shared) = valid ? *static_cast<const uint4*>(global) : make_uint4(0, 0, 0, 0);
}

DEVICE void copyCommit() {}

template <int Pending>
DEVICE void copyWait() {}
#endif

DEVICE bool arriveLast(u32* counter, u32 count) {
    __threadfence();
    u32 before = softcuda::atomicUpdate(counter, [=](u32 old) { return old == count - 1 ? 0 : old + 1; });
    __threadfence();
    return before == count - 1;
}

DEVICE float exp2Fast(float x) {
    float result = exp2f(x);
    return result < 1.17549435e-38f ? 0.0f : result;  // subnormal results are flushed; NaN stays
}
