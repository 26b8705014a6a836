// Copies and fills. As with CUDA, host memory that is not pinned is read and written before the call returns.
#include <cstring>

#include "device.h"

using namespace softcuda;

namespace {

typedef const unsigned char* Bytes;

/** Copies in the order of a stream; device ranges are checked when the call is made and when the copy runs. */
int copy(void* handle, uintptr_t to, uintptr_t from, size_t bytes, bool toDevice, bool fromDevice, bool wait) {
    SOFTCUDA_BEGIN(COPY);
    auto stream = streamOf(handle);
    if (!stream) return INVALID_HANDLE;
    if (wait)
        if (int code = forbiddenInCapture(*currentDevice, CAPTURE_IMPLICIT)) return code;
    if (!bytes) return SUCCESS;
    if ((toDevice && !isReserved(to, bytes)) || (fromDevice && !isReserved(from, bytes))) return INVALID_VALUE;
    std::shared_ptr<std::vector<unsigned char>> staged;
    if (!fromDevice && !wait && !isPinned(reinterpret_cast<void*>(from), bytes) && !stream->capture)
        staged = std::make_shared<std::vector<unsigned char>>(reinterpret_cast<Bytes>(from), reinterpret_cast<Bytes>(from) + bytes);
    int code = submit(stream, [=] {
        if ((toDevice && !isAllocated(to, bytes)) || (fromDevice && !isAllocated(from, bytes))) {
            uintptr_t bad = toDevice && !isAllocated(to, bytes) ? to : from;
            fprintf(stderr, "softcuda: a copy of %zu bytes %s device address 0x%zx is outside every allocation; %s\n", bytes,
                    bad == to ? "to" : "from", static_cast<size_t>(bad), nearestAllocation(bad).c_str());
            return int(ILLEGAL_ADDRESS);
        }
        memmove(reinterpret_cast<void*>(to), staged ? staged->data() : reinterpret_cast<Bytes>(from), bytes);
        return int(SUCCESS);
    });
    if (code) return code;
    bool pageableTarget = !toDevice && !isPinned(reinterpret_cast<void*>(to), bytes) && !stream->capture;
    return wait || pageableTarget ? drain(stream) : SUCCESS;
}

template <class T>
int fill(void* handle, uintptr_t to, T value, size_t count) {
    SOFTCUDA_BEGIN(COPY);
    auto stream = streamOf(handle);
    if (!stream) return INVALID_HANDLE;
    if (!count) return SUCCESS;
    if (!isReserved(to, count * sizeof(T)) || to % sizeof(T)) return INVALID_VALUE;
    return submit(stream, [=] {
        if (!isAllocated(to, count * sizeof(T))) {
            fprintf(stderr, "softcuda: a fill of %zu bytes is outside every allocation; %s\n", count * sizeof(T),
                    nearestAllocation(to).c_str());
            return int(ILLEGAL_ADDRESS);
        }
        T* target = reinterpret_cast<T*>(to);
        for (size_t i = 0; i < count; i++) target[i] = value;
        return int(SUCCESS);
    });
}

uintptr_t host(const void* address) { return reinterpret_cast<uintptr_t>(address); }

}  // namespace

SOFTCUDA_API cuMemcpyHtoD_v2(uintptr_t to, const void* from, size_t bytes) {
    return copy(nullptr, to, host(from), bytes, true, false, true);
}
SOFTCUDA_API cuMemcpyDtoH_v2(void* to, uintptr_t from, size_t bytes) {
    return copy(nullptr, host(to), from, bytes, false, true, true);
}
SOFTCUDA_API cuMemcpyDtoD_v2(uintptr_t to, uintptr_t from, size_t bytes) {
    return copy(nullptr, to, from, bytes, true, true, false);
}
SOFTCUDA_API cuMemcpyHtoDAsync_v2(uintptr_t to, const void* from, size_t bytes, void* stream) {
    return copy(stream, to, host(from), bytes, true, false, false);
}
SOFTCUDA_API cuMemcpyDtoHAsync_v2(void* to, uintptr_t from, size_t bytes, void* stream) {
    return copy(stream, host(to), from, bytes, false, true, false);
}
SOFTCUDA_API cuMemcpyDtoDAsync_v2(uintptr_t to, uintptr_t from, size_t bytes, void* stream) {
    return copy(stream, to, from, bytes, true, true, false);
}
SOFTCUDA_API cuMemcpyAsync(uintptr_t to, uintptr_t from, size_t bytes, void* stream) {
    return copy(stream, to, from, bytes, isDevice(to), isDevice(from), false);
}
SOFTCUDA_API cuMemcpy(uintptr_t to, uintptr_t from, size_t bytes) {
    return copy(nullptr, to, from, bytes, isDevice(to), isDevice(from), true);
}

SOFTCUDA_API cuMemsetD8_v2(uintptr_t to, unsigned char value, size_t count) { return fill(nullptr, to, value, count); }
SOFTCUDA_API cuMemsetD16_v2(uintptr_t to, unsigned short value, size_t count) { return fill(nullptr, to, value, count); }
SOFTCUDA_API cuMemsetD32_v2(uintptr_t to, unsigned value, size_t count) { return fill(nullptr, to, value, count); }
SOFTCUDA_API cuMemsetD8Async(uintptr_t to, unsigned char value, size_t count, void* stream) {
    return fill(stream, to, value, count);
}
SOFTCUDA_API cuMemsetD16Async(uintptr_t to, unsigned short value, size_t count, void* stream) {
    return fill(stream, to, value, count);
}
SOFTCUDA_API cuMemsetD32Async(uintptr_t to, unsigned value, size_t count, void* stream) {
    return fill(stream, to, value, count);
}
