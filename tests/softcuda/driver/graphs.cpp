// Capture of streams and replay: a graph is its work in the order of the calls.
#include <set>

#include "device.h"

using namespace softcuda;

namespace {

std::set<void*>& graphs() {
    static std::set<void*> all;
    return all;
}

void end(Capture& capture) {
    capture.over = true;
    for (auto& stream : currentDevice->streams)
        if (stream->capture.get() == &capture) stream->capture = nullptr;
}

}  // namespace

SOFTCUDA_API cuStreamBeginCapture_v2(void* handle, int mode) {
    static unsigned long long captures = 0;
    SOFTCUDA_BEGIN(GRAPH);
    auto stream = streamOf(handle);
    if (!stream) return INVALID_HANDLE;
    if (stream->isDefault) return CAPTURE_UNSUPPORTED;
    if (stream->capture) return 401;  // CUDA_ERROR_ILLEGAL_STATE
    stream->capture = std::make_shared<Capture>();
    stream->capture->origin = stream.get();
    stream->capture->mode = mode;
    stream->capture->id = ++captures;
    return SUCCESS;
}

SOFTCUDA_API cuStreamEndCapture(void* handle, void** graph) {
    SOFTCUDA_BEGIN(GRAPH);
    *graph = nullptr;
    auto stream = streamOf(handle);
    if (!stream) return INVALID_HANDLE;
    auto capture = stream->capture;
    if (!capture) return 401;
    if (capture->origin != stream.get()) return CAPTURE_UNMATCHED;
    end(*capture);
    if (capture->invalidated) return CAPTURE_INVALIDATED;
    if (!capture->forks.empty()) return CAPTURE_UNJOINED;
    *graph = new Graph{std::move(capture->work)};
    graphs().insert(*graph);
    return SUCCESS;
}

/** 0 none, 1 active, 2 invalidated. */
static int captureStatus(const Stream& stream) { return !stream.capture ? 0 : stream.capture->invalidated ? 2 : 1; }

SOFTCUDA_API cuStreamIsCapturing(void* handle, int* status) {
    SOFTCUDA_BEGIN();
    auto stream = streamOf(handle);
    if (!stream) return INVALID_HANDLE;
    *status = captureStatus(*stream);
    return SUCCESS;
}

SOFTCUDA_API cuStreamGetCaptureInfo(void* handle, int* status, unsigned long long* id) {
    SOFTCUDA_BEGIN();
    auto stream = streamOf(handle);
    if (!stream) return INVALID_HANDLE;
    *status = captureStatus(*stream);
    if (id && stream->capture) *id = stream->capture->id;
    return SUCCESS;
}

SOFTCUDA_API cuGraphInstantiateWithFlags(void** executable, void* graph, unsigned long long) {
    SOFTCUDA_BEGIN(GRAPH);
    if (!graphs().count(graph)) return INVALID_VALUE;
    *executable = new Graph(*static_cast<Graph*>(graph));
    graphs().insert(*executable);
    return SUCCESS;
}

SOFTCUDA_API cuGraphInstantiate(void** executable, void* graph, unsigned long long flags) {
    return cuGraphInstantiateWithFlags(executable, graph, flags);
}

SOFTCUDA_API cuGraphInstantiate_v2(void** executable, void* graph, void**, char*, size_t) {
    return cuGraphInstantiateWithFlags(executable, graph, 0);
}

SOFTCUDA_API cuGraphLaunch(void* executable, void* handle) {
    SOFTCUDA_BEGIN(LAUNCH);
    auto stream = streamOf(handle);
    if (!stream || !graphs().count(executable)) return INVALID_HANDLE;
    for (auto& work : static_cast<Graph*>(executable)->work)
        if (int code = submit(stream, work)) return code;
    return SUCCESS;
}

SOFTCUDA_API cuGraphUpload(void* executable, void*) {
    SOFTCUDA_BEGIN(GRAPH);
    return graphs().count(executable) ? SUCCESS : INVALID_HANDLE;
}

/** How many nodes; their handles are not given. */
SOFTCUDA_API cuGraphGetNodes(void* graph, void** nodes, size_t* count) {
    SOFTCUDA_BEGIN();
    if (!graphs().count(graph)) return INVALID_VALUE;
    if (nodes) return NOT_SUPPORTED;
    *count = static_cast<Graph*>(graph)->work.size();
    return SUCCESS;
}

static int destroy(void* graph) {
    SOFTCUDA_BEGIN();
    if (!graphs().erase(graph)) return INVALID_VALUE;
    delete static_cast<Graph*>(graph);
    return SUCCESS;
}

SOFTCUDA_API cuGraphDestroy(void* graph) { return destroy(graph); }
SOFTCUDA_API cuGraphExecDestroy(void* executable) { return destroy(executable); }
