// The software cuBLAS and cuDNN: sums, captures, the checks of what they touch, planned faults.
#include "harness.h"

extern "C" {
int cublasCreate_v2(void**);
int cublasDestroy_v2(void*);
int cublasSetStream_v2(void*, void*);
int cublasSetWorkspace_v2(void*, void*, size_t);
int cublasSetMathMode(void*, int);
int cublasGemmEx(void*, int, int, int, int, int, const void*, const void*, int, int, const void*, int, int, const void*, void*, int, int,
                 int, int);
int cudnnCreate(void**);
int cudnnDestroy(void*);
int cudnnSetStream(void*, void*);
int cudnnCreateTensorDescriptor(void**);
int cudnnSetTensor4dDescriptor(void*, int, int, int, int, int, int);
int cudnnDestroyTensorDescriptor(void*);
int cudnnCreateFilterDescriptor(void**);
int cudnnSetFilter4dDescriptor(void*, int, int, int, int, int, int);
int cudnnDestroyFilterDescriptor(void*);
int cudnnCreateConvolutionDescriptor(void**);
int cudnnSetConvolution2dDescriptor(void*, int, int, int, int, int, int, int, int);
int cudnnSetConvolutionMathType(void*, int);
int cudnnDestroyConvolutionDescriptor(void*);
int cudnnConvolutionForward(void*, const void*, void*, const void*, void*, const void*, void*, int, void*, size_t, const void*, void*, void*);
}

static const float ONE = 1, ZERO = 0;

static void* at(uintptr_t address) { return reinterpret_cast<void*>(address); }

/** y [2, 2] = x [2, 3] · w [2, 3]ᵀ of rows, in f32. */
static int multiply(void* handle, uintptr_t x, uintptr_t w, uintptr_t y, int compute = 68) {
    return cublasGemmEx(handle, 1, 0, 2, 2, 3, &ONE, at(w), 0, 3, at(x), 0, 3, &ZERO, at(y), 0, 2, compute, -1);
}

static void testProducts() {
    void *handle, *stream, *graph, *executable;
    Buffer<float> x({1, 2, 3, 4, 5, 6}), w({1, 0, 1, 0, 2, 0}), y(4), workspace(1024);
    OK(cuStreamCreate(&stream, 1));
    OK(cublasCreate_v2(&handle));
    OK(cublasSetStream_v2(handle, stream));
    EXPECT(multiply(handle, x.address, w.address, y.address), 13);  // no workspace
    EXPECT(cublasSetWorkspace_v2(handle, at(workspace.address), 8192), 7);
    OK(cublasSetWorkspace_v2(handle, at(workspace.address), 4096));
    EXPECT(cublasSetMathMode(handle, 3), 15);  // TF32
    EXPECT(multiply(handle, x.address, w.address, y.address, 64), 15);  // sums in f16
    OK(multiply(handle, x.address, w.address, y.address));
    OK(cuStreamSynchronize(stream));
    EXPECT(y.read() == (std::vector<float>{4, 4, 10, 10}), true);

    OK(cuMemsetD32Async(y.address, 0, 4, nullptr));
    OK(cuStreamBeginCapture_v2(stream, 0));
    OK(multiply(handle, x.address, w.address, y.address));
    OK(cuStreamEndCapture(stream, &graph));
    OK(cuStreamSynchronize(stream));
    EXPECT(y.read()[0], 0);  // recorded, not run
    OK(cuGraphInstantiateWithFlags(&executable, graph, 0));
    OK(cuGraphLaunch(executable, stream));
    OK(cuStreamSynchronize(stream));
    EXPECT(y.read()[3], 10);
    OK(cuGraphExecDestroy(executable));
    OK(cuGraphDestroy(graph));

    void* other;
    OK(cuStreamBeginCapture_v2(stream, 0));
    EXPECT(cublasCreate_v2(&other), 3);
    EXPECT(cuStreamEndCapture(stream, &graph), 901);

    OK(softcuda_fail(9, 1, 14));
    EXPECT(multiply(handle, x.address, w.address, y.address), 14);
    OK(multiply(handle, x.address + 4, w.address, y.address));  // runs over the end of x
    EXPECT(cuStreamSynchronize(stream), 700);
    OK(softcuda_reset());
    OK(cublasDestroy_v2(handle));
    EXPECT(multiply(handle, x.address, w.address, y.address), 1);
    OK(cuStreamDestroy_v2(stream));
}

static void testConvolution() {
    void *handle, *xMap, *wMap, *yMap, *how;
    Buffer<float> x({1, 2, 3, 4}), w({1, 1, 1, 1, 5, 1, 1, 1, 1}), y(4), workspace(4);
    OK(cudnnCreate(&handle));
    OK(cudnnSetStream(handle, nullptr));
    OK(cudnnCreateTensorDescriptor(&xMap));
    OK(cudnnCreateTensorDescriptor(&yMap));
    OK(cudnnCreateFilterDescriptor(&wMap));
    OK(cudnnCreateConvolutionDescriptor(&how));
    EXPECT(cudnnSetTensor4dDescriptor(xMap, 0, 0, 1, 1, 2, 2), 3000);  // NCHW
    OK(cudnnSetTensor4dDescriptor(xMap, 1, 0, 1, 1, 2, 2));
    OK(cudnnSetTensor4dDescriptor(yMap, 1, 0, 1, 1, 2, 2));
    OK(cudnnSetFilter4dDescriptor(wMap, 0, 1, 1, 1, 3, 3));
    OK(cudnnSetConvolution2dDescriptor(how, 1, 1, 1, 1, 1, 1, 1, 0));
    auto convolve = [&](int algorithm, size_t bytes) {
        return cudnnConvolutionForward(handle, &ONE, xMap, at(x.address), wMap, at(w.address), how, algorithm, at(workspace.address), bytes,
                                       &ZERO, yMap, at(y.address));
    };
    EXPECT(convolve(0, 0), 3000);  // f32 would be rounded to TF32
    OK(cudnnSetConvolutionMathType(how, 3));
    EXPECT(convolve(6, 0), 3000);
    EXPECT(convolve(1, 0), 2000);  // too little workspace
    OK(convolve(1, 16));
    OK(cuCtxSynchronize());
    EXPECT(y.read() == (std::vector<float>{14, 18, 22, 26}), true);
    OK(convolve(1, 32));
    EXPECT(cuCtxSynchronize(), 700);  // of workspace that is not there
    OK(softcuda_reset());
    OK(cudnnSetTensor4dDescriptor(yMap, 1, 0, 1, 1, 3, 3));
    EXPECT(convolve(0, 0), 2000);
    for (void* map : {xMap, yMap}) OK(cudnnDestroyTensorDescriptor(map));
    OK(cudnnDestroyFilterDescriptor(wMap));
    OK(cudnnDestroyConvolutionDescriptor(how));
    OK(cudnnDestroy(handle));
}

void testLibraries() {
    testProducts();
    testConvolution();
}
