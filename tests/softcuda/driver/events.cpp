// Events: points in streams, waited for by the host or by other streams, which joins a capture too.
#include <algorithm>

#include "device.h"

using namespace softcuda;

namespace {

constexpr unsigned DISABLE_TIMING = 2;

std::map<void*, std::shared_ptr<Event>>& events() {
    static std::map<void*, std::shared_ptr<Event>> all;
    return all;
}

std::shared_ptr<Event> eventOf(void* handle) {
    auto found = events().find(handle);
    return found == events().end() ? nullptr : found->second;
}

}  // namespace

SOFTCUDA_API cuEventCreate(void** handle, unsigned flags) {
    SOFTCUDA_BEGIN(EVENT);
    auto event = std::make_shared<Event>();
    event->timing = !(flags & DISABLE_TIMING);
    *handle = event.get();
    events()[event.get()] = event;
    return SUCCESS;
}

SOFTCUDA_API cuEventDestroy_v2(void* handle) {
    SOFTCUDA_BEGIN(EVENT);
    return events().erase(handle) ? SUCCESS : INVALID_HANDLE;
}

SOFTCUDA_API cuEventRecord(void* handle, void* streamHandle) {
    SOFTCUDA_BEGIN(EVENT);
    auto event = eventOf(handle);
    auto stream = streamOf(streamHandle);
    if (!event || !stream) return INVALID_HANDLE;
    if (stream->capture) {
        if (stream->capture->invalidated) return CAPTURE_INVALIDATED;
        event->capture = stream->capture;
        event->capturedOn = stream.get();
        return SUCCESS;
    }
    event->capture = nullptr;
    event->recorded = true;
    event->done = false;
    // The event keeps the stream alive, the stream's queue the event: a weak reference ends the circle.
    std::weak_ptr<Event> weak = event;
    uint64_t here = nextSequence() + 1;
    int code = submit(stream, [weak, here] {
        auto event = weak.lock();
        if (event && event->point.sequence == here + 1) {
            event->done = true;
            event->time = std::chrono::steady_clock::now();
        }
        return SUCCESS;
    });
    event->point = {stream, here + 1};
    return code;
}

SOFTCUDA_API cuStreamWaitEvent(void* streamHandle, void* handle, unsigned) {
    SOFTCUDA_BEGIN(EVENT);
    auto event = eventOf(handle);
    auto stream = streamOf(streamHandle);
    if (!event || !stream) return INVALID_HANDLE;
    if (event->capture) {
        auto& capture = event->capture;
        if (capture->over) return CAPTURED_EVENT;  // it has never happened outside of its capture
        if (capture->invalidated) return CAPTURE_INVALIDATED;
        if (stream->capture && stream->capture != capture) return capture->invalidated = true, CAPTURE_MERGE;
        auto& forks = capture->forks;
        if (event->capturedOn != capture->origin)
            forks.erase(std::remove(forks.begin(), forks.end(), event->capturedOn), forks.end());
        if (!stream->capture) {
            stream->capture = capture;
            forks.push_back(stream.get());
        }
        return SUCCESS;
    }
    if (!event->recorded) return SUCCESS;
    if (stream->capture) return stream->capture->invalidated = true, 905;  // a capture may not depend on work outside of it
    return submit(stream, [point = event->point] { return drain(point.stream, point.sequence); });
}

SOFTCUDA_API cuEventSynchronize(void* handle) {
    SOFTCUDA_BEGIN(WAIT);
    auto event = eventOf(handle);
    if (!event) return INVALID_HANDLE;
    if (event->capture) return event->capture->invalidated = true, CAPTURED_EVENT;
    if (int code = forbiddenInCapture(*currentDevice)) return code;
    return event->recorded ? drain(event->point.stream, event->point.sequence) : SUCCESS;
}

SOFTCUDA_API cuEventQuery(void* handle) {
    SOFTCUDA_BEGIN();
    auto event = eventOf(handle);
    if (!event) return INVALID_HANDLE;
    if (event->capture) return event->capture->invalidated = true, CAPTURED_EVENT;
    if (!event->recorded) return SUCCESS;
    bool done = step(event->point.stream, event->point.sequence);
    return currentDevice->error ? currentDevice->error : done ? SUCCESS : NOT_READY;
}

static int elapsed(float* milliseconds, void* from, void* to) {
    SOFTCUDA_BEGIN();
    auto begin = eventOf(from), end = eventOf(to);
    if (!begin || !end || !begin->timing || !end->timing || !begin->recorded || !end->recorded) return INVALID_HANDLE;
    if (!begin->done || !end->done) return NOT_READY;
    *milliseconds = std::chrono::duration<float, std::milli>(end->time - begin->time).count();
    return SUCCESS;
}

SOFTCUDA_API cuEventElapsedTime(float* milliseconds, void* from, void* to) { return elapsed(milliseconds, from, to); }
SOFTCUDA_API cuEventElapsedTime_v2(float* milliseconds, void* from, void* to) { return elapsed(milliseconds, from, to); }
