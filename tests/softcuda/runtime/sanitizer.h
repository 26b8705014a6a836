// What the checks of memory accesses share: device memory's shadow, shared memory's touches.
#pragma once

#include <cstdint>

#include "block.h"

namespace softcuda {

/** Device memory has addresses of its own; each granule knows how many of its bytes, from its start, are allocated. */
constexpr uintptr_t DEVICE_BASE = 0x300000000000;  // far from where Linux and the JVM's collectors map theirs
constexpr size_t DEVICE_BYTES = size_t(256) << 30;
constexpr size_t GRANULE = 256;
constexpr uintptr_t SHADOW_BASE = DEVICE_BASE + DEVICE_BYTES;

inline uint16_t* shadow() { return reinterpret_cast<uint16_t*>(SHADOW_BASE); }
inline bool isDevice(uintptr_t address) { return address - DEVICE_BASE < DEVICE_BYTES; }
/** Whether all bytes are inside one live allocation. */
bool isAllocated(uintptr_t address, size_t bytes);
/** The allocation nearest to an address, in words. */
std::string nearestAllocation(uintptr_t address);

/** Between static and dynamic shared memory: no one's, so that running over is seen. */
constexpr unsigned SHARED_GAP = 1024;
constexpr unsigned TOUCH_BYTES = 2;

/** Begins a block: what was touched before is over. */
void startTime(Worker& worker, uint3 block);
/** Lets every thread that waits at the barrier go on. */
void releaseBarrier(Worker& worker);

enum Access { READ, WRITE };
/** Ends the launch unless `thread` may make this access, in device, shared or other memory of the kernel. */
void check(const Thread& thread, uintptr_t address, size_t bytes, Access access, void* caller);
/** Whether checks are on (SOFTCUDA_CHECK). */
bool checking();
/** Marks shared memory as the target of a copy under way, or as written now by `thread`. */
void markInFlight(const Thread& thread, uintptr_t address, size_t bytes);
void markWritten(const Thread& thread, uintptr_t address, size_t bytes);

/** A kernel image's address range, whose constants a kernel may read. */
void addImage(uintptr_t from, uintptr_t to);

}  // namespace softcuda
