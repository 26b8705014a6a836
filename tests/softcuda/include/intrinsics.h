// The mathematical and bit functions that NVRTC has built in, as far as kernels of this project may use them.
#pragma once

extern "C" {
float expf(float);
float exp2f(float);
float expm1f(float);
float logf(float);
float log2f(float);
float log10f(float);
float log1pf(float);
float powf(float, float);
float sinf(float);
float cosf(float);
void sincosf(float, float*, float*);
float tanf(float);
float tanhf(float);
float erff(float);
float erfcf(float);
float cbrtf(float);
double exp(double);
double log(double);
double pow(double, double);
double sin(double);
double cos(double);
double tanh(double);
double erf(double);
void* memcpy(void*, const void*, size_t);
void* memset(void*, int, size_t);
int printf(const char*, ...);
}

#define SOFTCUDA_FUNCTION inline __attribute__((always_inline))

SOFTCUDA_FUNCTION float sqrtf(float x) { return __builtin_sqrtf(x); }
SOFTCUDA_FUNCTION double sqrt(double x) { return __builtin_sqrt(x); }
SOFTCUDA_FUNCTION float rsqrtf(float x) { return 1.0f / __builtin_sqrtf(x); }
SOFTCUDA_FUNCTION float sinpif(float x) { return static_cast<float>(sin(3.141592653589793 * x)); }
SOFTCUDA_FUNCTION float fabsf(float x) { return __builtin_fabsf(x); }
SOFTCUDA_FUNCTION double fabs(double x) { return __builtin_fabs(x); }
SOFTCUDA_FUNCTION float floorf(float x) { return __builtin_floorf(x); }
SOFTCUDA_FUNCTION double floor(double x) { return __builtin_floor(x); }
SOFTCUDA_FUNCTION float ceilf(float x) { return __builtin_ceilf(x); }
SOFTCUDA_FUNCTION float truncf(float x) { return __builtin_truncf(x); }
SOFTCUDA_FUNCTION float rintf(float x) { return __builtin_rintf(x); }
SOFTCUDA_FUNCTION float nearbyintf(float x) { return __builtin_nearbyintf(x); }
SOFTCUDA_FUNCTION float roundf(float x) { return __builtin_roundf(x); }
SOFTCUDA_FUNCTION float fmaf(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
SOFTCUDA_FUNCTION double fma(double a, double b, double c) { return __builtin_fma(a, b, c); }
SOFTCUDA_FUNCTION float fmodf(float a, float b) { return __builtin_fmodf(a, b); }
SOFTCUDA_FUNCTION float copysignf(float a, float b) { return __builtin_copysignf(a, b); }
SOFTCUDA_FUNCTION float ldexpf(float a, int b) { return __builtin_ldexpf(a, b); }
SOFTCUDA_FUNCTION bool isnan(float x) { return __builtin_isnan(x); }
SOFTCUDA_FUNCTION bool isinf(float x) { return __builtin_isinf(x); }
SOFTCUDA_FUNCTION bool isfinite(float x) { return __builtin_isfinite(x); }

/** As on the GPU, the operand that is a number wins over NaN. */
SOFTCUDA_FUNCTION float fmaxf(float a, float b) { return __builtin_isnan(a) ? b : a < b ? b : a; }
SOFTCUDA_FUNCTION float fminf(float a, float b) { return __builtin_isnan(a) ? b : b < a ? b : a; }

SOFTCUDA_FUNCTION float __expf(float x) { return expf(x); }
SOFTCUDA_FUNCTION float __logf(float x) { return logf(x); }
SOFTCUDA_FUNCTION float __log2f(float x) { return log2f(x); }
SOFTCUDA_FUNCTION float __sinf(float x) { return sinf(x); }
SOFTCUDA_FUNCTION float __cosf(float x) { return cosf(x); }
SOFTCUDA_FUNCTION float __powf(float x, float y) { return powf(x, y); }
SOFTCUDA_FUNCTION float __fdividef(float a, float b) { return a / b; }
SOFTCUDA_FUNCTION float __frcp_rn(float x) { return 1.0f / x; }
SOFTCUDA_FUNCTION float __fsqrt_rn(float x) { return __builtin_sqrtf(x); }
SOFTCUDA_FUNCTION float __frsqrt_rn(float x) { return 1.0f / __builtin_sqrtf(x); }
SOFTCUDA_FUNCTION float __fmaf_rn(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
SOFTCUDA_FUNCTION float __saturatef(float x) { return x > 0 ? x < 1 ? x : 1 : 0; }
__attribute__((noinline, optimize("fp-contract=off"))) inline float __fmul_rn(float a, float b) { return a * b; }
__attribute__((noinline, optimize("fp-contract=off"))) inline float __fadd_rn(float a, float b) { return a + b; }
__attribute__((noinline, optimize("fp-contract=off"))) inline float __fsub_rn(float a, float b) { return a - b; }
SOFTCUDA_FUNCTION float __fdiv_rn(float a, float b) { return a / b; }
__attribute__((noinline, optimize("fp-contract=off"))) inline double __dmul_rn(double a, double b) { return a * b; }
__attribute__((noinline, optimize("fp-contract=off"))) inline double __dadd_rn(double a, double b) { return a + b; }

SOFTCUDA_FUNCTION unsigned __float_as_uint(float x) { unsigned u; __builtin_memcpy(&u, &x, 4); return u; }
SOFTCUDA_FUNCTION int __float_as_int(float x) { int u; __builtin_memcpy(&u, &x, 4); return u; }
SOFTCUDA_FUNCTION float __uint_as_float(unsigned x) { float f; __builtin_memcpy(&f, &x, 4); return f; }
SOFTCUDA_FUNCTION float __int_as_float(int x) { float f; __builtin_memcpy(&f, &x, 4); return f; }
SOFTCUDA_FUNCTION long long __double_as_longlong(double x) { long long u; __builtin_memcpy(&u, &x, 8); return u; }
SOFTCUDA_FUNCTION double __longlong_as_double(long long x) { double f; __builtin_memcpy(&f, &x, 8); return f; }
SOFTCUDA_FUNCTION int __float2int_rn(float x) { return static_cast<int>(__builtin_rintf(x)); }
SOFTCUDA_FUNCTION unsigned __float2uint_rn(float x) { return static_cast<unsigned>(__builtin_rintf(x)); }
SOFTCUDA_FUNCTION int __float2int_rd(float x) { return static_cast<int>(__builtin_floorf(x)); }
SOFTCUDA_FUNCTION int __float2int_rz(float x) { return static_cast<int>(x); }
SOFTCUDA_FUNCTION float __int2float_rn(int x) { return static_cast<float>(x); }
SOFTCUDA_FUNCTION float __uint2float_rn(unsigned x) { return static_cast<float>(x); }
SOFTCUDA_FUNCTION int __popc(unsigned x) { return __builtin_popcount(x); }
SOFTCUDA_FUNCTION int __clz(int x) { return x ? __builtin_clz(x) : 32; }
SOFTCUDA_FUNCTION int __ffs(int x) { return __builtin_ffs(x); }
SOFTCUDA_FUNCTION unsigned __umulhi(unsigned a, unsigned b) { return static_cast<unsigned long long>(a) * b >> 32; }
SOFTCUDA_FUNCTION int __mulhi(int a, int b) { return static_cast<long long>(a) * b >> 32; }
SOFTCUDA_FUNCTION unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
    return static_cast<unsigned __int128>(a) * b >> 64;
}

template <class T>
SOFTCUDA_FUNCTION T __ldg(const T* address) { return *address; }

namespace softcuda {
/** CUDA's min and max convert mixed operands as arithmetic does. */
template <class A, class B>
using Common = decltype(A() + B());
}  // namespace softcuda

template <class A, class B>
SOFTCUDA_FUNCTION softcuda::Common<A, B> min(A a, B b) {
    softcuda::Common<A, B> x = a, y = b;
    return y < x || x != x ? y : x;
}

template <class A, class B>
SOFTCUDA_FUNCTION softcuda::Common<A, B> max(A a, B b) {
    softcuda::Common<A, B> x = a, y = b;
    return x < y || x != x ? y : x;
}

SOFTCUDA_FUNCTION int abs(int x) { return x < 0 ? -x : x; }
