// Device memory at addresses of its own, in a shadow that the checks read; host memory that is pinned; copies and fills.
#include <sys/mman.h>

#include <cstdlib>
#include <cstring>

#include "device.h"

namespace softcuda {

namespace {

struct Allocation {
    size_t bytes;
    Device* device;
    bool open, closing;
};

std::map<uintptr_t, Allocation> allocations;
std::map<uintptr_t, size_t> pinned;
uintptr_t nextAddress = DEVICE_BASE;

size_t padded(size_t bytes) { return (bytes + 4095) / 4096 * 4096; }

bool map(uintptr_t address, size_t bytes) {
    return mmap(reinterpret_cast<void*>(address), bytes, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0) == reinterpret_cast<void*>(address);
}

bool mapDevice() {
    static const bool mapped = map(DEVICE_BASE, DEVICE_BYTES) && map(SHADOW_BASE, DEVICE_BYTES / GRANULE * sizeof(uint16_t) + 4096);
    return mapped;
}

/** The next free addresses after those given last, from the start again at the end: what was freed stays unused for long. */
bool findAddress(size_t bytes, uintptr_t& address) {
    size_t span = padded(bytes) + 4096;  // the page after it is no one's
    for (int round = 0; round < 2; round++) {
        uintptr_t candidate = nextAddress;
        auto after = allocations.lower_bound(candidate);
        while (after != allocations.end() && candidate + span > after->first) {
            candidate = after->first + padded(after->second.bytes) + 4096;
            ++after;
        }
        if (candidate + span <= DEVICE_BASE + DEVICE_BYTES) {
            address = candidate;
            nextAddress = candidate + span;
            return true;
        }
        nextAddress = DEVICE_BASE;
    }
    return false;
}

std::string hexadecimal(uintptr_t value) {
    char text[32];
    snprintf(text, sizeof text, "0x%zx", static_cast<size_t>(value));
    return text;
}

}  // namespace

int reserveMemory(Device& device, size_t bytes, uintptr_t& address) {
    if (!bytes) return INVALID_VALUE;
    if (!mapDevice()) {
        fprintf(stderr, "softcuda: the addresses of device memory (%zu GiB at 0x%zx) cannot be mapped\n", DEVICE_BYTES >> 30,
                static_cast<size_t>(DEVICE_BASE));
        return OUT_OF_MEMORY;
    }
    if (bytes > device.limit - device.used && drainAll(device)) return device.error;  // pending frees may make room
    if (bytes > device.limit - device.used || !findAddress(bytes, address)) return OUT_OF_MEMORY;
    device.used += bytes;
    allocations[address] = {bytes, &device, false, false};
    return SUCCESS;
}

void openMemory(uintptr_t address) {
    Allocation& allocation = allocations.at(address);
    allocation.open = true;
    if (!executing()) return;
    memset(reinterpret_cast<void*>(address), 0xff, allocation.bytes);
    uint16_t* granule = shadow() + (address - DEVICE_BASE) / GRANULE;
    size_t left = allocation.bytes;
    for (; left >= GRANULE; left -= GRANULE) *granule++ = GRANULE;
    if (left) *granule = static_cast<uint16_t>(left);
}

void releaseMemory(uintptr_t address) {
    auto found = allocations.find(address);
    size_t bytes = found->second.bytes;
    found->second.device->used -= bytes;
    memset(shadow() + (address - DEVICE_BASE) / GRANULE, 0, (bytes + GRANULE - 1) / GRANULE * sizeof(uint16_t));
    madvise(reinterpret_cast<void*>(address), padded(bytes), MADV_DONTNEED);
    allocations.erase(found);
}

void releaseAll(Device& device) {
    for (auto entry = allocations.begin(); entry != allocations.end();) {
        auto mine = entry++;
        if (mine->second.device == &device) releaseMemory(mine->first);
    }
}

bool isReserved(uintptr_t address) {
    auto found = allocations.find(address);
    return found != allocations.end() && !found->second.closing;
}

void announceFree(uintptr_t address) { allocations.at(address).closing = true; }

size_t liveBytes() {
    size_t sum = 0;
    for (auto& entry : allocations) sum += entry.second.bytes;
    return sum;
}

/** The allocation that holds all bytes, or null. */
static const Allocation* holder(uintptr_t address, size_t bytes) {
    auto after = allocations.upper_bound(address);
    if (after == allocations.begin()) return nullptr;
    auto& [from, allocation] = *--after;
    return bytes <= allocation.bytes && address - from <= allocation.bytes - bytes ? &allocation : nullptr;
}

bool isAllocated(uintptr_t address, size_t bytes) {
    const Allocation* allocation = holder(address, bytes);
    return allocation && allocation->open;
}

bool isReserved(uintptr_t address, size_t bytes) { return holder(address, bytes) != nullptr; }

std::string nearestAllocation(uintptr_t address) {
    if (allocations.empty()) return "nothing is allocated";
    auto after = allocations.upper_bound(address);
    auto nearest = after;
    if (after == allocations.end() || (after != allocations.begin() &&
                                       address - (std::prev(after)->first + std::prev(after)->second.bytes) < after->first - address))
        nearest = std::prev(after);
    uintptr_t from = nearest->first, end = from + nearest->second.bytes;
    std::string which = "allocation of " + std::to_string(nearest->second.bytes) + " bytes at " + hexadecimal(from);
    if (address < from) return std::to_string(from - address) + " bytes before the " + which;
    if (address >= end) return std::to_string(address - end) + " bytes after the end of the " + which;
    return nearest->second.open ? "it runs over the end of the " + which : "the " + which + " is not yet open in its stream";
}

bool isPinned(const void* address, size_t bytes) {
    auto after = pinned.upper_bound(reinterpret_cast<uintptr_t>(address));
    if (after == pinned.begin()) return false;
    --after;
    return reinterpret_cast<uintptr_t>(address) + bytes <= after->first + after->second;
}

}  // namespace softcuda

using namespace softcuda;

SOFTCUDA_API cuMemGetInfo_v2(size_t* free, size_t* total) {
    SOFTCUDA_BEGIN();
    *total = currentDevice->limit;
    *free = currentDevice->limit - currentDevice->used;
    return SUCCESS;
}

SOFTCUDA_API cuMemAlloc_v2(uintptr_t* address, size_t bytes) {
    SOFTCUDA_BEGIN(ALLOCATION);
    if (int code = forbiddenInCapture(*currentDevice)) return code;
    if (int code = reserveMemory(*currentDevice, bytes, *address)) return code;
    openMemory(*address);
    return SUCCESS;
}

/** Waits for the device, as the driver does. */
SOFTCUDA_API cuMemFree_v2(uintptr_t address) {
    SOFTCUDA_BEGIN(FREE);
    if (!address) return SUCCESS;
    if (int code = forbiddenInCapture(*currentDevice)) return code;
    if (!isReserved(address)) return INVALID_VALUE;
    int code = drainAll(*currentDevice);
    releaseMemory(address);
    return code;
}

SOFTCUDA_API cuMemAllocAsync(uintptr_t* address, size_t bytes, void* handle) {
    SOFTCUDA_BEGIN(ALLOCATION);
    auto stream = streamOf(handle);
    if (!stream) return INVALID_HANDLE;
    if (int code = forbiddenInCapture(*currentDevice)) return code;
    if (int code = reserveMemory(*currentDevice, bytes, *address)) return code;
    return submit(stream, [at = *address] { return openMemory(at), SUCCESS; });
}

SOFTCUDA_API cuMemFreeAsync(uintptr_t address, void* handle) {
    SOFTCUDA_BEGIN(FREE);
    auto stream = streamOf(handle);
    if (!stream) return INVALID_HANDLE;
    if (!isReserved(address)) return INVALID_VALUE;
    if (int code = forbiddenInCapture(*currentDevice)) return code;
    announceFree(address);
    return submit(stream, [address] { return releaseMemory(address), SUCCESS; });
}

SOFTCUDA_API cuMemHostAlloc(void** address, size_t bytes, unsigned) {
    SOFTCUDA_BEGIN(ALLOCATION);
    if (!bytes) return INVALID_VALUE;
    if (int code = forbiddenInCapture(*currentDevice)) return code;
    *address = aligned_alloc(4096, padded(bytes));
    if (!*address) return OUT_OF_MEMORY;
    pinned[reinterpret_cast<uintptr_t>(*address)] = bytes;
    return SUCCESS;
}

SOFTCUDA_API cuMemAllocHost_v2(void** address, size_t bytes) { return cuMemHostAlloc(address, bytes, 0); }

SOFTCUDA_API cuMemFreeHost(void* address) {
    SOFTCUDA_BEGIN(FREE);
    if (!pinned.count(reinterpret_cast<uintptr_t>(address))) return INVALID_VALUE;
    int code = drainAll(*currentDevice);
    pinned.erase(reinterpret_cast<uintptr_t>(address));
    free(address);
    return code;
}

SOFTCUDA_API cuMemHostRegister_v2(void* address, size_t bytes, unsigned) {
    SOFTCUDA_BEGIN();
    pinned[reinterpret_cast<uintptr_t>(address)] = bytes;
    return SUCCESS;
}

SOFTCUDA_API cuMemHostUnregister(void* address) {
    SOFTCUDA_BEGIN();
    int code = drainAll(*currentDevice);
    return pinned.erase(reinterpret_cast<uintptr_t>(address)) ? code : int(INVALID_VALUE);
}
