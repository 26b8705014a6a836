// Streams that run as late as CUDA allows: queued work waits until someone waits for it. A wait that was forgotten between two
// streams then reads what was there before.
#include "device.h"

namespace softcuda {

std::recursive_mutex driverMutex;
bool initialised;
thread_local Device* currentDevice;

static uint64_t sequences;

uint64_t nextSequence() { return ++sequences; }

std::shared_ptr<Stream> streamOf(void* handle) {
    if (reinterpret_cast<uintptr_t>(handle) <= 2) return currentDevice->defaultStream;
    for (auto& stream : currentDevice->streams)
        if (stream.get() == handle) return stream;
    return nullptr;
}

int submit(const std::shared_ptr<Stream>& stream, Work work) {
    if (!executing()) work = [] { return int(SUCCESS); };
    if (stream->capture) {
        if (stream->capture->invalidated) return CAPTURE_INVALIDATED;
        stream->capture->work.push_back(std::move(work));
        return SUCCESS;
    }
    if (stream->isDefault) {
        // The default stream waits for the streams that block; one of them that is captured cannot be waited for.
        for (auto& other : stream->device->streams) {
            if (!other->blocking || !other->capture) continue;
            other->capture->invalidated = true;
            return CAPTURE_IMPLICIT;
        }
    }
    stream->queue.push_back({nextSequence(), std::move(work)});
    return SUCCESS;
}

/** Runs what must be over before an operation of `stream` begins: the default stream and blocking streams keep the calls' order. */
static void runEarlier(Stream& stream, uint64_t before) {
    if (stream.isDefault) {
        for (size_t i = 0; i < stream.device->streams.size(); i++) {
            auto other = stream.device->streams[i];
            if (other->blocking) drain(other, before);
        }
    } else if (stream.blocking) {
        drain(stream.device->defaultStream, before);
    }
}

bool step(const std::shared_ptr<Stream>& stream, uint64_t before) {
    if (stream->queue.empty() || stream->queue.front().sequence >= before) return true;
    Operation next = std::move(stream->queue.front());
    stream->queue.pop_front();
    runEarlier(*stream, next.sequence);
    Device& device = *stream->device;
    if (!device.error) {
        int code = next.work();
        if (code && !device.error) device.error = code;
    }
    return stream->queue.empty() || stream->queue.front().sequence >= before;
}

int drain(const std::shared_ptr<Stream>& stream, uint64_t before) {
    while (!step(stream, before)) {
    }
    return stream->device->error;
}

int drainAll(Device& device) {
    auto streams = device.streams;
    for (auto& stream : streams) drain(stream);
    return drain(device.defaultStream);
}

int forbiddenInCapture(Device& device, int code) {
    for (auto& stream : device.streams) {
        if (!stream->capture || stream->capture->mode == 2) continue;  // 2: relaxed
        stream->capture->invalidated = true;
        return code;
    }
    return SUCCESS;
}

}  // namespace softcuda

using namespace softcuda;

SOFTCUDA_API cuStreamCreate(void** handle, unsigned flags) {
    SOFTCUDA_BEGIN(STREAM);
    auto stream = std::make_shared<Stream>();
    stream->device = currentDevice;
    stream->isDefault = false;
    stream->blocking = !(flags & 1);
    currentDevice->streams.push_back(stream);
    *handle = stream.get();
    return SUCCESS;
}

SOFTCUDA_API cuStreamCreateWithPriority(void** handle, unsigned flags, int) { return cuStreamCreate(handle, flags); }

SOFTCUDA_API cuStreamDestroy_v2(void* handle) {
    SOFTCUDA_BEGIN(STREAM);
    auto stream = streamOf(handle);
    if (!stream || stream->isDefault) return INVALID_HANDLE;
    int code = drain(stream);
    auto& all = currentDevice->streams;
    for (size_t i = 0; i < all.size(); i++)
        if (all[i] == stream) all.erase(all.begin() + i);
    return code;
}

SOFTCUDA_API cuStreamSynchronize(void* handle) {
    SOFTCUDA_BEGIN(WAIT);
    auto stream = streamOf(handle);
    if (!stream) return INVALID_HANDLE;
    if (stream->capture) {
        stream->capture->invalidated = true;
        return CAPTURE_UNSUPPORTED;
    }
    if (stream->isDefault)
        if (int code = forbiddenInCapture(*currentDevice, CAPTURE_IMPLICIT)) return code;
    runEarlier(*stream, nextSequence());
    return drain(stream);
}

/** Makes one operation's progress, so that asking again and again ends. */
SOFTCUDA_API cuStreamQuery(void* handle) {
    SOFTCUDA_BEGIN();
    auto stream = streamOf(handle);
    if (!stream) return INVALID_HANDLE;
    if (stream->capture) {
        stream->capture->invalidated = true;
        return CAPTURE_UNSUPPORTED;
    }
    bool done = step(stream, ~uint64_t(0));
    return currentDevice->error ? currentDevice->error : done ? SUCCESS : NOT_READY;
}

SOFTCUDA_API cuCtxSynchronize() {
    SOFTCUDA_BEGIN(WAIT);
    if (int code = forbiddenInCapture(*currentDevice)) return code;
    return drainAll(*currentDevice);
}
