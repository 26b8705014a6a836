// Barriers, warp collectives and atomic operations as kernels call them; the work is done in the runtime.
#pragma once

#pragma GCC visibility push(default)
namespace softcuda {
void blockBarrier();
int blockBarrierCount(int predicate);
void warpBarrier(unsigned mask);
/** Each lane gives `value` and gets that of lane `source`, or its own where that takes no part. */
unsigned long long shuffle(unsigned mask, unsigned long long value, int source);
unsigned ballot(unsigned mask, int predicate);
unsigned activeMask();
/** Throws out of the kernel unless [address, address + bytes) may be accessed atomically. */
void checkAtomic(const void* address, unsigned bytes);
[[noreturn]] void trap();
}  // namespace softcuda
#pragma GCC visibility pop

inline void __syncthreads() { softcuda::blockBarrier(); }
inline int __syncthreads_count(int predicate) { return softcuda::blockBarrierCount(predicate); }
inline int __syncthreads_or(int predicate) { return softcuda::blockBarrierCount(predicate) != 0; }
inline int __syncthreads_and(int predicate) { return softcuda::blockBarrierCount(!predicate) == 0; }
inline void __syncwarp(unsigned mask = ~0u) { softcuda::warpBarrier(mask); }
inline void __threadfence() { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
inline void __threadfence_block() {}
[[noreturn]] inline void __trap() { softcuda::trap(); }
inline unsigned __activemask() { return softcuda::activeMask(); }
inline unsigned __ballot_sync(unsigned mask, int predicate) { return softcuda::ballot(mask, predicate); }
inline int __any_sync(unsigned mask, int predicate) { return softcuda::ballot(mask, predicate) != 0; }
inline int __all_sync(unsigned mask, int predicate) { return softcuda::ballot(mask, !predicate) == 0; }

namespace softcuda {
template <class T>
inline T shuffleValue(unsigned mask, T value, int source) {
    static_assert(sizeof(T) <= 8, "a shuffle moves at most 8 bytes");
    unsigned long long bits = 0;
    __builtin_memcpy(&bits, &value, sizeof(T));
    bits = shuffle(mask, bits, source);
    __builtin_memcpy(&value, &bits, sizeof(T));
    return value;
}
/** The lane itself where `source` leaves its segment of `width` lanes. */
inline int within(int source, int lane, int width) { return source / width == lane / width && source >= 0 ? source : lane; }
}  // namespace softcuda

template <class T>
inline T __shfl_sync(unsigned mask, T value, int source, int width = 32) {
    int lane = softcuda::registers.lane;
    return softcuda::shuffleValue(mask, value, lane / width * width + (source & (width - 1)));
}

template <class T>
inline T __shfl_xor_sync(unsigned mask, T value, int lanes, int width = 32) {
    int lane = softcuda::registers.lane;
    return softcuda::shuffleValue(mask, value, softcuda::within(lane ^ lanes, lane, width));
}

template <class T>
inline T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32) {
    int lane = softcuda::registers.lane;
    return softcuda::shuffleValue(mask, value, softcuda::within(lane + static_cast<int>(delta), lane, width));
}

template <class T>
inline T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32) {
    int lane = softcuda::registers.lane;
    return softcuda::shuffleValue(mask, value, softcuda::within(lane - static_cast<int>(delta), lane, width));
}

namespace softcuda {
/** Replaces *address by update(*address) in one step and returns what was there. */
template <class T, class Update>
__attribute__((no_sanitize("kernel-address"))) inline T atomicUpdate(T* address, Update update) {
    checkAtomic(address, sizeof(T));
    T old, next;
    __atomic_load(address, &old, __ATOMIC_RELAXED);
    do next = update(old);
    while (!__atomic_compare_exchange(address, &old, &next, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
    return old;
}
}  // namespace softcuda

template <class T>
inline T atomicAdd(T* address, T value) {
    return softcuda::atomicUpdate(address, [=](T old) { return static_cast<T>(old + value); });
}

template <class T>
inline T atomicMax(T* address, T value) {
    return softcuda::atomicUpdate(address, [=](T old) { return old < value ? value : old; });
}

template <class T>
inline T atomicMin(T* address, T value) {
    return softcuda::atomicUpdate(address, [=](T old) { return value < old ? value : old; });
}

template <class T>
inline T atomicOr(T* address, T value) {
    return softcuda::atomicUpdate(address, [=](T old) { return old | value; });
}

template <class T>
inline T atomicExch(T* address, T value) {
    return softcuda::atomicUpdate(address, [=](T) { return value; });
}

template <class T>
inline T atomicCAS(T* address, T expected, T value) {
    return softcuda::atomicUpdate(address, [=](T old) { return old == expected ? value : old; });
}
