// What the device's own tests share: the calls of the driver, buffers, compilation, and expectations that are counted.
#pragma once

#include <cstdint>
#include <cstdio>
#include <initializer_list>
#include <string>
#include <vector>

extern "C" {
int cuInit(unsigned);
int cuDevicePrimaryCtxRetain(void**, int);
int cuCtxSetCurrent(void*);
int cuCtxSynchronize();
int cuMemGetInfo_v2(size_t*, size_t*);
int cuMemAlloc_v2(uintptr_t*, size_t);
int cuMemFree_v2(uintptr_t);
int cuMemAllocAsync(uintptr_t*, size_t, void*);
int cuMemFreeAsync(uintptr_t, void*);
int cuMemHostAlloc(void**, size_t, unsigned);
int cuMemFreeHost(void*);
int cuMemcpyHtoD_v2(uintptr_t, const void*, size_t);
int cuMemcpyDtoH_v2(void*, uintptr_t, size_t);
int cuMemcpyHtoDAsync_v2(uintptr_t, const void*, size_t, void*);
int cuMemcpyDtoHAsync_v2(void*, uintptr_t, size_t, void*);
int cuMemsetD32Async(uintptr_t, unsigned, size_t, void*);
int cuModuleLoadData(void**, const void*);
int cuModuleGetFunction(void**, void*, const char*);
int cuLaunchKernel(void*, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, void*, void**, void**);
int cuStreamCreate(void**, unsigned);
int cuStreamDestroy_v2(void*);
int cuStreamSynchronize(void*);
int cuStreamWaitEvent(void*, void*, unsigned);
int cuStreamBeginCapture_v2(void*, int);
int cuStreamEndCapture(void*, void**);
int cuEventCreate(void**, unsigned);
int cuEventDestroy_v2(void*);
int cuEventRecord(void*, void*);
int cuEventSynchronize(void*);
int cuEventQuery(void*);
int cuEventElapsedTime(float*, void*, void*);
int cuGraphInstantiateWithFlags(void**, void*, unsigned long long);
int cuGraphLaunch(void*, void*);
int cuGraphDestroy(void*);
int cuGraphExecDestroy(void*);
int cuGetErrorName(int, const char**);
int nvrtcCreateProgram(void**, const char*, const char*, int, const char* const*, const char* const*);
int nvrtcDestroyProgram(void**);
int nvrtcCompileProgram(void*, int, const char* const*);
int nvrtcGetCUBINSize(void*, size_t*);
int nvrtcGetCUBIN(void*, char*);
int nvrtcGetProgramLogSize(void*, size_t*);
int nvrtcGetProgramLog(void*, char*);
int softcuda_fail(int, int, int);
int softcuda_reset();
int softcuda_count(int);
long long softcuda_live_bytes();
const char* softcuda_message();
}

extern int failures;

/** Expects two values to be equal and says where they are not. */
#define EXPECT(actual, expected) expectEqual((actual), (expected), #actual, __FILE__, __LINE__)
/** Expects a text to hold a part. */
#define EXPECT_TEXT(text, part) expectText((text), (part), __FILE__, __LINE__)
#define OK(call) EXPECT(call, 0)

template <class A, class B>
void expectEqual(const A& actual, const B& expected, const char* what, const char* file, int line) {
    if (actual == static_cast<A>(expected)) return;
    failures++;
    fprintf(stderr, "%s:%d: %s is %s and not %s\n", file, line, what, std::to_string(actual).c_str(), std::to_string(expected).c_str());
}

inline void expectText(const std::string& text, const std::string& part, const char* file, int line) {
    if (text.find(part) != std::string::npos) return;
    failures++;
    fprintf(stderr, "%s:%d: \"%s\" does not hold \"%s\"\n", file, line, text.c_str(), part.c_str());
}

/** A device buffer that lives as long as its scope. */
template <class T>
struct Buffer {
    uintptr_t address = 0;
    size_t count;
    explicit Buffer(size_t count) : count(count) { OK(cuMemAlloc_v2(&address, count * sizeof(T))); }
    explicit Buffer(const std::vector<T>& values) : Buffer(values.size()) {
        OK(cuMemcpyHtoD_v2(address, values.data(), count * sizeof(T)));
    }
    Buffer(const Buffer&) = delete;
    ~Buffer() { cuMemFree_v2(address); }
    std::vector<T> read() const {
        std::vector<T> values(count);
        OK(cuMemcpyDtoH_v2(values.data(), address, count * sizeof(T)));
        return values;
    }
};

/** Compiles a file of selftest/ or kernels/; returns NVRTC's result, the image and the log. */
struct Compilation {
    int result;
    std::string image, log;
};
Compilation compileText(const std::string& name, const std::string& text, std::initializer_list<const char*> options);
void* kernel(const std::string& file, const char* function, std::initializer_list<const char*> options = {});

template <class... Arguments>
int launch(void* function, unsigned grid, unsigned block, unsigned shared, void* stream, Arguments... arguments) {
    void* addresses[] = {&arguments..., nullptr};
    return cuLaunchKernel(function, grid, 1, 1, block, 1, 1, shared, stream, addresses, nullptr);
}

void testKernels();
void testSeededBugs();
void testStreams();
void testGraphs();
void testMemoryAndFaults();
void testLibraries();
