// What the kernels need of the hardware and CUDA C++ has no word for: the one file with PTX.
//
// Source    PTX ISA 8.0. Fragment layouts of mma and ldmatrix: sections "Matrix fragments for mma.m16n8k16" and "ldmatrix".
// Needs     compute capability 7.5; bf16 products need 8.0.
// Twins     On the software CUDA device (DARKROOM_SOFTWARE_DEVICE) twins.h declares every function below in C++.
#pragma once

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef int i32;
typedef long long i64;

/** Element types of tensors. The 16-bit ones are storage only: arithmetic is in float. */
typedef float f32;

struct f16 {
    u16 bits;
};

struct bf16 {
    u16 bits;
};

#ifdef DARKROOM_SOFTWARE_DEVICE
#include "twins.h"
#else

#define DEVICE __device__ __forceinline__

/** Declares `name`, a pointer to the block's dynamic shared memory, aligned to 128 bytes. */
#define DYNAMIC_SHARED(type, name)                                   \
    extern __shared__ __align__(128) unsigned char dynamicShared[]; \
    type* name = reinterpret_cast<type*>(dynamicShared)

// ---- conversion ----

DEVICE float f16ToFloat(f16 value) {
    float result;
    asm("cvt.f32.f16 %0, %1;" : "=f"(result) : "h"(value.bits));
    return result;
}

/** Rounds to nearest, halves to even; too large becomes infinite. */
DEVICE f16 floatToF16(float value) {
    f16 result;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(result.bits) : "f"(value));
    return result;
}

DEVICE float bf16ToFloat(bf16 value) {
    return __uint_as_float(static_cast<u32>(value.bits) << 16);
}

/** Rounds to nearest, halves to even; NaN stays NaN. */
DEVICE bf16 floatToBf16(float value) {
    bf16 result;
#if __CUDA_ARCH__ >= 800
    asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(result.bits) : "f"(value));
#else
    u32 bits = __float_as_uint(value);
    bool isNan = (bits & 0x7fffffffu) > 0x7f800000u;
    result.bits = isNan ? 0x7fff : static_cast<u16>((bits + 0x7fffu + (bits >> 16 & 1)) >> 16);
#endif
    return result;
}

/** Two values side by side in a register, `low` in the lower half, as fragments have them. */
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

// ---- tensor cores ----

/** d [16, 8] += a [16, 16] · b [16, 8] over the warp; the last argument names the type of a and b. Sums in float. */
DEVICE void mma(float (&d)[4], const u32 (&a)[4], u32 b0, u32 b1, f16) {
#if __CUDA_ARCH__ >= 800
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
#else
    asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5}, {%6}, {%0, %1, %2, %3};"
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                 : "r"(a[0]), "r"(a[1]), "r"(b0));
    asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5}, {%6}, {%0, %1, %2, %3};"
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                 : "r"(a[2]), "r"(a[3]), "r"(b1));
#endif
}

#if __CUDA_ARCH__ >= 800
DEVICE void mma(float (&d)[4], const u32 (&a)[4], u32 b0, u32 b1, bf16) {
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}
#endif

/** A generic address in shared memory as the 32-bit address that PTX takes. */
DEVICE u32 sharedAddress(const void* pointer) {
    return static_cast<u32>(__cvta_generic_to_shared(pointer));
}

/** Four 8x8 matrices of 16-bit elements; lane i gives the address of row i % 8 of matrix i / 8, aligned to 16 bytes. */
DEVICE void loadMatrix4(u32 (&r)[4], const void* row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(sharedAddress(row))
                 : "memory");
}

/** As loadMatrix4, each matrix transposed. */
DEVICE void loadMatrix4Transposed(u32 (&r)[4], const void* row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(sharedAddress(row))
                 : "memory");
}

/** Two 8x8 matrices; lanes 0 to 15 give the rows. */
DEVICE void loadMatrix2(u32 (&r)[2], const void* row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0, %1}, [%2];"
                 : "=r"(r[0]), "=r"(r[1])
                 : "r"(sharedAddress(row))
                 : "memory");
}

/** As loadMatrix2, each matrix transposed. */
DEVICE void loadMatrix2Transposed(u32 (&r)[2], const void* row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0, %1}, [%2];"
                 : "=r"(r[0]), "=r"(r[1])
                 : "r"(sharedAddress(row))
                 : "memory");
}

// ---- asynchronous copies from global to shared memory ----

/** Starts a copy of 16 bytes, both sides aligned to 16; zeros where not `valid`, and then `global` is not read. */
DEVICE void copyAsync16(void* shared, const void* global, bool valid) {
#if __CUDA_ARCH__ >= 800
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;"
                 :
                 : "r"(sharedAddress(shared)), "l"(global), "r"(valid ? 16 : 0)
                 : "memory");
#else
    *static_cast<uint4*>(shared) = valid ? *static_cast<const uint4*>(global) : make_uint4(0, 0, 0, 0);
#endif
}

/** Closes the group of the copies this thread has started since the last group. */
DEVICE void copyCommit() {
#if __CUDA_ARCH__ >= 800
    asm volatile("cp.async.commit_group;" : : : "memory");
#endif
}

/** Waits until at most `Pending` of this thread's groups are unfinished; other threads' copies need a barrier as well. */
template <int Pending>
DEVICE void copyWait() {
#if __CUDA_ARCH__ >= 800
    asm volatile("cp.async.wait_group %0;" : : "n"(Pending) : "memory");
#endif
}

// ---- among blocks ----

/**
 * Counts an arrival, one thread's; whether it is the last of `count`, which sets the counter back to 0. What was written before an arrival,
 * be it by threads that met in a barrier before it, can be read after the last one.
 */
DEVICE bool arriveLast(u32* counter, u32 count) {
    u32 before;
    asm volatile("atom.acq_rel.gpu.inc.u32 %0, [%1], %2;" : "=r"(before) : "l"(counter), "r"(count - 1) : "memory");
    return before == count - 1;
}

// ---- functions ----

/** 2^x with a relative error of 2^-22; subnormal results become 0. */
DEVICE float exp2Fast(float x) {
    float result;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(x));
    return result;
}

#endif
