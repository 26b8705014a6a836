// The vector types that NVRTC has built in, with CUDA's alignments.
#pragma once

typedef __SIZE_TYPE__ size_t;
typedef __PTRDIFF_TYPE__ ptrdiff_t;
typedef __INTPTR_TYPE__ intptr_t;
typedef __UINTPTR_TYPE__ uintptr_t;

#define SOFTCUDA_VECTOR(name, type)                                                             \
    struct alignas(2 * sizeof(type)) name##2 { type x, y; };                                    \
    struct name##3 { type x, y, z; };                                                           \
    struct alignas(4 * sizeof(type) < 16 ? 4 * sizeof(type) : 16) name##4 { type x, y, z, w; }; \
    inline name##2 make_##name##2(type x, type y) { return {x, y}; }                            \
    inline name##3 make_##name##3(type x, type y, type z) { return {x, y, z}; }                 \
    inline name##4 make_##name##4(type x, type y, type z, type w) { return {x, y, z, w}; }

SOFTCUDA_VECTOR(char, signed char)
SOFTCUDA_VECTOR(uchar, unsigned char)
SOFTCUDA_VECTOR(short, short)
SOFTCUDA_VECTOR(ushort, unsigned short)
SOFTCUDA_VECTOR(int, int)
SOFTCUDA_VECTOR(uint, unsigned)
SOFTCUDA_VECTOR(longlong, long long)
SOFTCUDA_VECTOR(ulonglong, unsigned long long)
SOFTCUDA_VECTOR(float, float)
SOFTCUDA_VECTOR(double, double)
#undef SOFTCUDA_VECTOR

struct dim3 {
    unsigned x, y, z;
    constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};

namespace softcuda {

template <int...>
struct Indices {};

/** Indices<0, 1, …, n - 1>. */
template <int n, int... rest>
struct CountTo : CountTo<n - 1, n - 1, rest...> {};

template <int... rest>
struct CountTo<0, rest...> {
    typedef Indices<rest...> Result;
};

}  // namespace softcuda
