// A software device: its memory, its streams, its error state. One lock guards everything.
#pragma once

#include <chrono>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "../runtime/codes.h"
#include "../runtime/sanitizer.h"

namespace softcuda {

/** Work in a stream: returns SUCCESS or the code it fails with. */
typedef std::function<int()> Work;

struct Capture;
struct Stream;
struct Device;

/** A point in a stream: everything queued there before `sequence`. */
struct Point {
    std::shared_ptr<Stream> stream;
    uint64_t sequence = 0;
};

struct Operation {
    uint64_t sequence;  // counts operations over all streams, in the order of the calls
    Work work;
};

struct Stream {
    Device* device;
    bool isDefault, blocking;
    std::list<Operation> queue;
    std::shared_ptr<Capture> capture;
};

/** A recording under way: the work of its streams in the order of the calls, which is one order a graph allows. */
struct Capture {
    Stream* origin;
    int mode;
    unsigned long long id;
    std::vector<Work> work;
    std::vector<Stream*> forks;  // other streams that have joined it by an event and not come back
    bool invalidated = false, over = false;
};

struct Event {
    bool timing;
    Point point;
    std::shared_ptr<Capture> capture;
    Stream* capturedOn = nullptr;
    bool recorded = false, done = false;
    std::chrono::steady_clock::time_point time;
};

/** A graph and an executable graph. */
struct Graph {
    std::vector<Work> work;
};

struct Device {
    int ordinal;
    size_t limit, used = 0;
    int retained = 0, error = SUCCESS;  // the sticky error
    std::shared_ptr<Stream> defaultStream;
    std::vector<std::shared_ptr<Stream>> streams;  // all others
};

extern std::recursive_mutex driverMutex;
extern bool initialised;
extern thread_local Device* currentDevice;

std::vector<std::unique_ptr<Device>>& devices();
/** Whether work is done; with SOFTCUDA_EXECUTE=0 it is only accepted, kernels need not be compiled, and memory is never touched. */
bool executing();
/** 75, 80, 90: what the devices say they are. */
int capability();

// ---- streams (streams.cpp) ----

/** The stream of a handle: null, 1 (legacy) and 2 (per thread) are the default stream; null if there is no such stream. */
std::shared_ptr<Stream> streamOf(void* handle);
/** Queues work or, while the stream is captured, records it. */
int submit(const std::shared_ptr<Stream>& stream, Work work);
/** Runs what a stream has queued before a sequence number, and all that this waits for; returns the device's error. */
int drain(const std::shared_ptr<Stream>& stream, uint64_t before = ~uint64_t(0));
int drainAll(Device& device);
/** Runs one operation if any is queued before `sequence`; returns whether none was left. */
bool step(const std::shared_ptr<Stream>& stream, uint64_t before);
uint64_t nextSequence();
/** The code of a call that may not be made while a capture is under way, which it then invalidates; else SUCCESS. */
int forbiddenInCapture(Device& device, int code = CAPTURE_UNSUPPORTED);
/** Whether a code, once given, is given by every later call. */
bool isSticky(int code);

// ---- memory (memory.cpp) ----

/** Reserves addresses; INVALID_VALUE for 0 bytes, OUT_OF_MEMORY beyond the limit. */
int reserveMemory(Device& device, size_t bytes, uintptr_t& address);
/** Makes reserved memory accessible, filled with NaN. */
void openMemory(uintptr_t address);
/** Gives memory back: its addresses are not used again for long. */
void releaseMemory(uintptr_t address);
/** Gives back all memory of a device. */
void releaseAll(Device& device);
/** Whether an allocation begins at an address and is not about to be freed. */
bool isReserved(uintptr_t address);
/** Says that the allocation will be freed in its stream's order: it may not be freed again. */
void announceFree(uintptr_t address);
/** Whether one allocation, in its stream's order open or not, holds all bytes. */
bool isReserved(uintptr_t address, size_t bytes);
/** Whether pinned host memory holds all bytes. */
bool isPinned(const void* address, size_t bytes);
size_t liveBytes();

// ---- faults (faults.cpp) ----

enum CallKind { ALLOCATION, LAUNCH, COPY, WAIT, FREE, MODULE, STREAM, EVENT, GRAPH, LIBRARY, CALL_KINDS };
/** What becomes of launches: run; queued and counted, but leave memory as it is; or taken for made at once, uncounted and unchecked. */
enum Launches { IGNORED = -1, COUNTED, RUN };
extern int launches;
/** Counts a call and returns the code that was planned for it, else SUCCESS. */
int countCall(CallKind kind);

/** Begins a call of the driver: takes the lock and looks whether the call can be made at all. */
class Call {
   public:
    Call() : lock(driverMutex) { code = !initialised ? NOT_INITIALIZED : !currentDevice ? INVALID_CONTEXT : currentDevice->error; }
    explicit Call(CallKind kind);
    int code;

   private:
    std::lock_guard<std::recursive_mutex> lock;
};

}  // namespace softcuda

#define SOFTCUDA_API extern "C" __attribute__((visibility("default"))) int

/** Returns from a call of the driver that cannot be made. */
#define SOFTCUDA_BEGIN(...)       \
    Call call{__VA_ARGS__};       \
    if (call.code) return call.code
