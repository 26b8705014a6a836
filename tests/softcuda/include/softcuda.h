// What a kernel finds before its first line on the software device: what NVRTC has built in, as plain C++.
//
// The translator of libnvrtc has turned `__shared__` variables into calls of shared(), and collects the kernels it sees.
#pragma once

#define __device__
#define __host__
#define __constant__
#define __managed__
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __restrict__ __restrict
#define __align__(bytes) alignas(bytes)
#define __grid_constant__

#include "vectors.h"

#pragma GCC visibility push(default)
namespace softcuda {

/** The special registers of the CUDA thread that runs now, on the operating system's thread that runs it. */
struct Registers {
    uint3 threadIdx, blockIdx, blockDim, gridDim;
    unsigned char *staticShared, *dynamicShared;
    unsigned lane;
};

extern __thread Registers registers __attribute__((tls_model("initial-exec")));

/** Sets bytes of shared memory aside for a variable of the module that is being loaded; returns their offset. */
unsigned reserveStaticShared(unsigned bytes);

/** A kernel as the driver launches it. */
struct KernelEntry {
    const char* name;
    void (*call)(const void* const* arguments);
    int parameters;
    const unsigned *sizes, *alignments;
    unsigned maxThreads;
};

}  // namespace softcuda
#pragma GCC visibility pop

#define threadIdx (softcuda::registers.threadIdx)
#define blockIdx (softcuda::registers.blockIdx)
#define blockDim (softcuda::registers.blockDim)
#define gridDim (softcuda::registers.gridDim)
#define warpSize 32

#include "intrinsics.h"
#include "warp.h"

namespace softcuda {

/** The one variable of type V that Tag, the type of a lambda at its declaration, stands for. */
template <class V, class Tag>
struct SharedVariable {
    static const unsigned offset;
};

template <class V, class Tag>
const unsigned SharedVariable<V, Tag>::offset = reserveStaticShared(sizeof(V));

template <class V, class Tag>
inline V& shared(Tag) {
    return *reinterpret_cast<V*>(registers.staticShared + SharedVariable<V, Tag>::offset);
}

template <class T>
inline T* dynamicShared() {
    return reinterpret_cast<T*>(registers.dynamicShared);
}

/** A function that reads what only the driver gives. */
#define SOFTCUDA_UNCHECKED __attribute__((no_sanitize("kernel-address", "alignment", "bounds")))

/** Parameter sizes and the call of a kernel with arguments given by address. */
template <class... Parameters>
struct Signature {
    static constexpr unsigned sizes[] = {sizeof(Parameters)..., 0};
    static constexpr unsigned alignments[] = {alignof(Parameters)..., 0};

    template <void (*kernel)(Parameters...), int... indices>
    SOFTCUDA_UNCHECKED static void invoke(
        const void* const* arguments, Indices<indices...>) {
        kernel(*static_cast<const Parameters*>(arguments[indices])...);
    }

    template <void (*kernel)(Parameters...)>
    SOFTCUDA_UNCHECKED static void call(const void* const* arguments) {
        invoke<kernel>(arguments, typename CountTo<sizeof...(Parameters)>::Result());
    }
};

template <class... Parameters>
Signature<Parameters...> signatureOf(void (*)(Parameters...));

/** The first bound of __launch_bounds__, or 1024. */
constexpr unsigned maxThreads(unsigned threads = 1024, unsigned = 0, unsigned = 0) {
    return threads;
}

template <auto kernel>
constexpr KernelEntry entry(const char* name, unsigned threads) {
    using S = decltype(signatureOf(kernel));
    return {name, &S::template call<kernel>, sizeof(S::sizes) / sizeof(unsigned) - 1, S::sizes, S::alignments, threads};
}

}  // namespace softcuda
