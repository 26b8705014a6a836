// What the software cuBLAS and cuDNN ask of the driver.
#include "libraries.h"

#include <cstdio>

#include "device.h"

namespace softcuda {

int countLibraryCall() {
    std::lock_guard<std::recursive_mutex> lock(driverMutex);
    return countCall(LIBRARY);
}

bool mayAllocate() {
    std::lock_guard<std::recursive_mutex> lock(driverMutex);
    return initialised && currentDevice && !currentDevice->error && !forbiddenInCapture(*currentDevice);
}

int enqueue(void* handle, std::function<int()> work) {
    Call call;
    if (call.code) return call.code;
    auto stream = streamOf(handle);
    return stream ? submit(stream, std::move(work)) : int(INVALID_HANDLE);
}

bool holds(const void* address, size_t bytes) {
    std::lock_guard<std::recursive_mutex> lock(driverMutex);
    return isReserved(reinterpret_cast<uintptr_t>(address), bytes);
}

int checkOperands(const char* call, std::initializer_list<Operand> operands) {
    for (const Operand& operand : operands) {
        uintptr_t address = reinterpret_cast<uintptr_t>(operand.address);
        if (isAllocated(address, operand.bytes)) continue;
        fprintf(stderr, "softcuda: %s of %s, %zu bytes at 0x%zx, is outside every allocation; %s\n", operand.name, call, operand.bytes,
                static_cast<size_t>(address), nearestAllocation(address).c_str());
        return ILLEGAL_ADDRESS;
    }
    return SUCCESS;
}

}  // namespace softcuda
