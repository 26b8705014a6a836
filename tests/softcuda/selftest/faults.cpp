// The memory limit, memory in stream order, and faults on demand.
#include "harness.h"

static void testLimit() {
    size_t free, total, before;
    OK(cuMemGetInfo_v2(&before, &total));
    uintptr_t address, other;
    EXPECT(cuMemAlloc_v2(&address, total + 1), 2);
    OK(cuMemAlloc_v2(&address, before));
    EXPECT(cuMemAlloc_v2(&other, 1), 2);
    OK(cuMemGetInfo_v2(&free, &total));
    EXPECT(free, 0);
    OK(cuMemFreeAsync(address, nullptr));
    OK(cuMemAllocAsync(&other, before, nullptr));  // what is to be freed makes room
    OK(cuMemFree_v2(other));
    EXPECT(cuMemFree_v2(other), 1);
    OK(cuMemAlloc_v2(&address, 16));
    OK(cuMemFreeAsync(address, nullptr));
    EXPECT(cuMemFreeAsync(address, nullptr), 1);  // twice
    OK(cuCtxSynchronize());
    EXPECT(cuMemAlloc_v2(&address, 0), 1);
    OK(cuMemGetInfo_v2(&free, &total));
    EXPECT(free, before);
}

static void testCopyRanges() {
    Buffer<float> x(4);
    float host[5];
    EXPECT(cuMemcpyDtoH_v2(host, x.address, 20), 1);
    EXPECT(cuMemcpyHtoD_v2(x.address + 4, host, 16), 1);
    EXPECT(cuMemcpyHtoD_v2(0, host, 16), 1);
    EXPECT(cuMemsetD32Async(x.address, 0, 5, nullptr), 1);
    OK(cuMemcpyDtoH_v2(host, x.address, 16));
    void *stream, *pinned;
    uintptr_t address;
    OK(cuStreamCreate(&stream, 1));
    OK(cuMemHostAlloc(&pinned, 16, 0));
    OK(cuMemAllocAsync(&address, 16, stream));
    OK(cuMemcpyDtoHAsync_v2(pinned, address, 16, nullptr));  // before the stream has opened it
    EXPECT(cuStreamSynchronize(nullptr), 700);
    OK(softcuda_reset());
    OK(cuMemFreeHost(pinned));
    OK(cuMemFree_v2(address));
    OK(cuStreamDestroy_v2(stream));
}

static void testPlanned() {
    uintptr_t address;
    OK(softcuda_fail(0, 2, 2));
    OK(cuMemAlloc_v2(&address, 16));
    OK(cuMemFree_v2(address));
    EXPECT(cuMemAlloc_v2(&address, 16), 2);
    OK(cuMemAlloc_v2(&address, 16));
    EXPECT(softcuda_count(0) >= 3, true);
    OK(softcuda_fail(2, 1, 1));
    EXPECT(cuMemcpyHtoD_v2(address, "0123456789abcdef", 16), 1);
    OK(cuMemcpyHtoD_v2(address, "0123456789abcdef", 16));
    OK(softcuda_fail(1, 1, 700));  // sticky
    EXPECT(launch(kernel("small.cu", "fill"), 1, 1, 0, nullptr, address, 1.0f, 1), 700);
    EXPECT(cuCtxSynchronize(), 700);
    EXPECT(cuMemFree_v2(address), 700);
    OK(softcuda_reset());
    OK(softcuda_fail(3, 1, 702));
    EXPECT(cuCtxSynchronize(), 702);
    OK(softcuda_reset());
    OK(cuMemFree_v2(address));
    EXPECT(softcuda_fail(10, 1, 2), 1);
    void* event;
    OK(softcuda_fail(7, 1, 2));
    EXPECT(cuEventCreate(&event, 0), 2);
    OK(cuEventCreate(&event, 0));
    OK(cuEventDestroy_v2(event));
    const char* name;
    OK(cuGetErrorName(700, &name));
    EXPECT_TEXT(name, "CUDA_ERROR_ILLEGAL_ADDRESS");
}

void testMemoryAndFaults() {
    testLimit();
    testCopyRanges();
    testPlanned();
}
