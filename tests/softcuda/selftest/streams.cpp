// Streams and graphs: order is kept where CUDA keeps it, and nowhere else.
#include "harness.h"

static const int N = 64;

static void testMissingWait() {
    void *upload, *compute, *event, *pinned;
    OK(cuStreamCreate(&upload, 1));
    OK(cuStreamCreate(&compute, 1));
    OK(cuEventCreate(&event, 0));
    OK(cuMemHostAlloc(&pinned, N * sizeof(float), 0));
    float* host = static_cast<float*>(pinned);
    for (bool wait : {false, true}) {
        Buffer<float> x(std::vector<float>(N, 1.0f));
        for (int i = 0; i < N; i++) host[i] = 10;
        OK(cuMemcpyHtoDAsync_v2(x.address, pinned, N * sizeof(float), upload));
        OK(cuEventRecord(event, upload));
        if (wait) OK(cuStreamWaitEvent(compute, event, 0));
        OK(launch(kernel("small.cu", "addOne"), 1, N, 0, compute, x.address, N));
        OK(cuStreamSynchronize(compute));
        if (wait) EXPECT(x.read()[0], 11);
        OK(cuStreamSynchronize(upload));
        if (!wait) EXPECT(x.read()[0], 10);
    }
    OK(cuMemFreeHost(pinned));
    OK(cuStreamDestroy_v2(upload));
    OK(cuStreamDestroy_v2(compute));
}

static void testPinnedAndPageable() {
    void *stream, *pinned;
    OK(cuStreamCreate(&stream, 1));
    OK(cuMemHostAlloc(&pinned, sizeof(float), 0));
    float pageable = 1;
    *static_cast<float*>(pinned) = 1;
    Buffer<float> fromPinned(1), fromPageable(1);
    OK(cuMemcpyHtoDAsync_v2(fromPinned.address, pinned, sizeof(float), stream));
    OK(cuMemcpyHtoDAsync_v2(fromPageable.address, &pageable, sizeof(float), stream));
    *static_cast<float*>(pinned) = 2;  // too early: the copy may not have run
    pageable = 2;
    OK(cuStreamSynchronize(stream));
    EXPECT(fromPinned.read()[0], 2);
    EXPECT(fromPageable.read()[0], 1);
    OK(cuMemFreeHost(pinned));
    OK(cuStreamDestroy_v2(stream));
}

static void testDefaultStream() {
    void* blocking;
    OK(cuStreamCreate(&blocking, 0));
    Buffer<float> x(N);
    OK(launch(kernel("small.cu", "fill"), 1, N, 0, blocking, x.address, 5.0f, N));
    OK(launch(kernel("small.cu", "addOne"), 1, N, 0, nullptr, x.address, N));
    OK(launch(kernel("small.cu", "addOne"), 1, N, 0, blocking, x.address, N));
    EXPECT(x.read()[N - 1], 7);
    OK(cuStreamDestroy_v2(blocking));
}

static void testEvents() {
    void *begin, *end;
    float ms = -1;
    OK(cuEventCreate(&begin, 0));
    OK(cuEventCreate(&end, 0));
    Buffer<float> x(N);
    OK(cuEventRecord(begin, nullptr));
    OK(launch(kernel("small.cu", "fill"), 1, N, 0, nullptr, x.address, 5.0f, N));
    OK(cuEventRecord(end, nullptr));
    EXPECT(cuEventElapsedTime(&ms, begin, end), 600);  // not ready
    OK(cuEventSynchronize(end));
    OK(cuEventElapsedTime(&ms, begin, end));
    EXPECT(ms > 0, true);
}

void testStreams() {
    testMissingWait();
    testPinnedAndPageable();
    testDefaultStream();
    testEvents();
}

static void testReplay() {
    void *stream, *graph, *executable;
    OK(cuStreamCreate(&stream, 1));
    Buffer<float> x(std::vector<float>(N, 0.0f));
    void* addOne = kernel("small.cu", "addOne");
    OK(cuStreamBeginCapture_v2(stream, 0));
    OK(launch(addOne, 1, N, 0, stream, x.address, N));
    OK(launch(addOne, 1, N, 0, stream, x.address, N));
    OK(cuStreamEndCapture(stream, &graph));
    EXPECT(x.read()[0], 0);  // a capture runs nothing
    OK(cuGraphInstantiateWithFlags(&executable, graph, 0));
    OK(cuGraphDestroy(graph));
    for (int i = 0; i < 3; i++) OK(cuGraphLaunch(executable, stream));
    OK(cuStreamSynchronize(stream));
    EXPECT(x.read()[0], 6);
    OK(cuGraphExecDestroy(executable));
    OK(cuStreamDestroy_v2(stream));
}

static void testForbidden() {
    void *stream, *graph;
    uintptr_t address;
    float host = 0;
    OK(cuStreamCreate(&stream, 1));
    Buffer<float> x(1);
    int (*const calls[])(void*, uintptr_t*, float*, uintptr_t) = {
        [](void* stream, uintptr_t*, float*, uintptr_t) { return cuStreamSynchronize(stream); },
        [](void*, uintptr_t* address, float*, uintptr_t) { return cuMemAlloc_v2(address, 16); },
        [](void* stream, uintptr_t* address, float*, uintptr_t) { return cuMemAllocAsync(address, 16, stream); },
        [](void*, uintptr_t*, float*, uintptr_t) { return cuCtxSynchronize(); },
        [](void*, uintptr_t*, float* host, uintptr_t x) { return cuMemcpyDtoH_v2(host, x, 4); }};
    const int codes[] = {900, 900, 900, 900, 906};
    for (int i = 0; i < 5; i++) {
        OK(cuStreamBeginCapture_v2(stream, 0));
        EXPECT(calls[i](stream, &address, &host, x.address), codes[i]);
        EXPECT(cuMemsetD32Async(x.address, 0, 1, stream), 901);
        EXPECT(cuStreamEndCapture(stream, &graph), 901);
        OK(cuStreamSynchronize(stream));
    }
    OK(cuStreamDestroy_v2(stream));
}

static void testFork() {
    void *stream, *other, *event, *back, *graph;
    OK(cuStreamCreate(&stream, 1));
    OK(cuStreamCreate(&other, 1));
    OK(cuEventCreate(&event, 2));
    OK(cuEventCreate(&back, 2));
    Buffer<float> x(1);
    for (bool joined : {false, true}) {
        OK(cuStreamBeginCapture_v2(stream, 0));
        OK(cuEventRecord(event, stream));
        OK(cuStreamWaitEvent(other, event, 0));
        OK(cuMemsetD32Async(x.address, 0, 1, other));
        OK(cuEventRecord(back, other));
        if (joined) OK(cuStreamWaitEvent(stream, back, 0));
        EXPECT(cuStreamEndCapture(stream, &graph), joined ? 0 : 904);
    }
    EXPECT(cuEventSynchronize(back), 907);
    EXPECT(cuStreamWaitEvent(other, back, 0), 907);
    OK(cuGraphDestroy(graph));
    OK(cuStreamDestroy_v2(stream));
    OK(cuStreamDestroy_v2(other));
}

void testGraphs() {
    testReplay();
    testForbidden();
    testFork();
}
