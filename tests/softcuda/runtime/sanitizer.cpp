// Checks every access of a kernel: the compiler calls __asan_load… and __asan_store… before each (-fsanitize=kernel-address).
#include <cstdlib>
#include <cstring>
#include <vector>

#include "codes.h"
#include "sanitizer.h"

namespace softcuda {

constexpr uint32_t IN_FLIGHT = ~0u;  // the write time of a cp.async that is not waited for: later than every barrier
constexpr uint16_t SEVERAL = 0xffff;
constexpr uint16_t SEVERAL_OF_WARP = 0x8000;  // with the warp's number

bool checking() {
    static const bool on = [] {
        const char* value = getenv("SOFTCUDA_CHECK");
        return !value || strcmp(value, "0") != 0;
    }();
    return on;
}

namespace {

struct Range {
    uintptr_t from, to;
};
std::vector<Range> images;

std::string hex(uintptr_t value) {
    char text[32];
    snprintf(text, sizeof text, "0x%zx", static_cast<size_t>(value));
    return text;
}

std::string describe(size_t bytes, Access access, uintptr_t address, void* caller);

// ---- shared memory ----

/** Whether a touch at `time` by `other` may still be unseen by `me`: no barrier of the block or of their warp came since. */
inline bool unordered(const Thread& me, uint32_t time, uint16_t other) {
    const Worker& self = *worker;
    if (time < self.barrierTime || other == me.number) return false;
    int warp = other == SEVERAL ? -1 : other & SEVERAL_OF_WARP ? other & ~SEVERAL_OF_WARP : other / 32;
    return warp != me.warp || time >= self.warps[warp].syncTime;
}

std::string name(uint16_t who) {
    if (who == SEVERAL) return "several warps";
    if (who & SEVERAL_OF_WARP) return "several threads of warp " + std::to_string(who & ~SEVERAL_OF_WARP);
    return "thread " + std::to_string(who);
}

[[noreturn]] void race(const Touch& touch, unsigned offset, Access access, bool withWrite, void* caller) {
    const unsigned dynamicStart = STATIC_SHARED_BYTES + SHARED_GAP;
    std::string where = offset < dynamicStart ? "static shared memory at byte " + std::to_string(offset)
                                              : "dynamic shared memory at byte " + std::to_string(offset - dynamicStart);
    std::string verb = access == WRITE ? "a write to " : "a read of ";
    if (withWrite && touch.writeTime == IN_FLIGHT)
        fail(LAUNCH_FAILED, verb + where + describe(0, access, 0, caller) + ": the target of a cp.async of thread " +
                                std::to_string(touch.writer) + " that has not been waited for");
    fail(LAUNCH_FAILED, "race: " + verb + where + describe(0, access, 0, caller) + (withWrite ? ", written by " : ", read by ") +
                            name(withWrite ? touch.writer : touch.reader) + " with no barrier in between");
}

inline void noteRead(const Thread& me, Touch& touch) {
    const Worker& self = *worker;
    if (touch.readTime < self.barrierTime) {
        touch.reader = me.number;
    } else if (touch.reader != me.number) {
        bool sameWarp = touch.reader != SEVERAL &&
                        (touch.reader & SEVERAL_OF_WARP ? touch.reader & ~SEVERAL_OF_WARP : touch.reader / 32) == me.warp;
        touch.reader = sameWarp ? SEVERAL_OF_WARP | me.warp : SEVERAL;
    }
    touch.readTime = self.clock;
}

void checkShared(const Thread& me, unsigned offset, size_t bytes, Access access, void* caller) {
    Worker& self = *worker;
    const unsigned dynamicStart = STATIC_SHARED_BYTES + SHARED_GAP;
    bool inside = offset + bytes <= self.launch->staticShared ||
                  (offset >= dynamicStart && offset + bytes <= dynamicStart + self.launch->dynamicShared);
    if (!inside)
        fail(ILLEGAL_ADDRESS, "shared memory: " + describe(bytes, access, offset, caller) + " is outside the block's " +
                                  std::to_string(self.launch->staticShared) + " static bytes from 0x0 and " +
                                  std::to_string(self.launch->dynamicShared) + " dynamic bytes from " + hex(dynamicStart));
    if (!self.tracksRaces || bytes == 1) return;  // two bytes share a touch: their owners may differ
    Touch* end = self.touches + (offset + bytes + TOUCH_BYTES - 1) / TOUCH_BYTES;
    for (Touch* touch = self.touches + offset / TOUCH_BYTES; touch < end; touch++) {
        if (touch->writeTime == IN_FLIGHT || unordered(me, touch->writeTime, touch->writer))
            race(*touch, offset, access, true, caller);
        if (access == READ) {
            noteRead(me, *touch);
        } else {
            if (unordered(me, touch->readTime, touch->reader)) race(*touch, offset, access, false, caller);
            touch->writeTime = self.clock;
            touch->writer = me.number;
        }
    }
}

void markTouches(const Thread& thread, uintptr_t address, size_t bytes, uint32_t time) {
    unsigned offset = address - reinterpret_cast<uintptr_t>(worker->shared);
    for (size_t i = offset / TOUCH_BYTES; i < (offset + bytes) / TOUCH_BYTES; i++) {
        worker->touches[i].writeTime = time;
        worker->touches[i].writer = thread.number;
    }
}

// ---- everything else ----

void checkOther(uintptr_t address, size_t bytes, Access access, void* caller) {
    const Worker& self = *worker;
    if (address - reinterpret_cast<uintptr_t>(self.stacks) < STACK_BYTES * MAX_THREADS) return;
    for (const Range& image : images)
        if (address >= image.from && address + bytes <= image.to) return;
    uintptr_t registerStart = reinterpret_cast<uintptr_t>(&registers);
    if (address >= registerStart && address + bytes <= registerStart + sizeof registers) return;
    fail(ILLEGAL_ADDRESS, describe(bytes, access, address, caller) + " is outside device memory" +
                              (address < 4096 ? " (a null pointer)" : ""));
}

}  // namespace

void check(const Thread& thread, uintptr_t address, size_t bytes, Access access, void* caller) {
    if (isDevice(address)) {
        size_t granule = (address - DEVICE_BASE) / GRANULE, end = address % GRANULE + bytes;
        if (end <= shadow()[granule]) return;
        if (bytes && !isAllocated(address, bytes))
            fail(ILLEGAL_ADDRESS, describe(bytes, access, address, caller) + " is outside every allocation; " +
                                      nearestAllocation(address));
        return;
    }
    uintptr_t offset = address - reinterpret_cast<uintptr_t>(worker->shared);
    if (offset < SHARED_BYTES + SHARED_GAP) {
        if (checking()) checkShared(thread, offset, bytes, access, caller);
        return;
    }
    checkOther(address, bytes, access, caller);
}

/** Races repeat from block to block: looking for them in a grid's first, last and every 16th block finds them at a fraction of the cost. */
static bool tracksRaces(const Worker& self, uint3 block) {
    static const char* const value = getenv("SOFTCUDA_CHECK");
    static const bool everywhere = value && !strcmp(value, "all");
    const dim3& grid = self.launch->grid;
    uint64_t number = (uint64_t(block.z) * grid.y + block.y) * grid.x + block.x, total = uint64_t(grid.x) * grid.y * grid.z;
    return checking() && (everywhere || number < 4 || number + 2 >= total || number % 16 == 0);
}

void startTime(Worker& self, uint3 block) {
    self.tracksRaces = tracksRaces(self, block);
    if (self.clock > 0xf0000000u) {
        memset(self.touches, 0, sizeof(Touch) * (SHARED_BYTES + SHARED_GAP) / TOUCH_BYTES);
        self.clock = 1;
    }
    self.barrierTime = ++self.clock;
}

void markInFlight(const Thread& thread, uintptr_t address, size_t bytes) {
    if (worker->tracksRaces) markTouches(thread, address, bytes, IN_FLIGHT);
}

void markWritten(const Thread& thread, uintptr_t address, size_t bytes) {
    if (worker->tracksRaces) markTouches(thread, address, bytes, worker->clock);
}

void addImage(uintptr_t from, uintptr_t to) { images.push_back({from, to}); }

void checkAtomic(const void* address, unsigned bytes) {
    uintptr_t at = reinterpret_cast<uintptr_t>(address);
    if (at % bytes) fail(MISALIGNED_ADDRESS, "an atomic operation at " + hex(at) + " is not aligned to its size");
    uintptr_t offset = at - reinterpret_cast<uintptr_t>(worker->shared);
    if (offset >= SHARED_BYTES + SHARED_GAP) check(*worker->current, at, bytes, WRITE, __builtin_return_address(0));
}

std::string locate(void* code);
std::string withoutFolder(const std::string& path);

namespace {
std::string describe(size_t bytes, Access access, uintptr_t address, void* caller) {
    std::string where = locate(caller);
    if (!where.empty()) where = " at " + where;
    if (!bytes) return where;
    return std::string(access == WRITE ? "a write of " : "a read of ") + std::to_string(bytes) + " bytes at address " +
           hex(address) + where;
}
}  // namespace

}  // namespace softcuda

// ---- what the compiler calls ----

using namespace softcuda;

#define SOFTCUDA_CALLBACK extern "C" __attribute__((visibility("default"))) void

/** What most accesses are: inside an allocation's granule, on the stack, or in shared memory where no races are looked for. */
static inline bool isPlain(uintptr_t address, size_t bytes) {
    if (isDevice(address)) return address % GRANULE + bytes <= shadow()[(address - DEVICE_BASE) / GRANULE];
    const Worker& self = *worker;
    if (address - reinterpret_cast<uintptr_t>(self.stacks) < STACK_BYTES * MAX_THREADS) return true;
    if (self.tracksRaces) return false;
    return address - reinterpret_cast<uintptr_t>(self.shared) + bytes <= self.launch->staticShared ||
           address - reinterpret_cast<uintptr_t>(registers.dynamicShared) + bytes <= self.launch->dynamicShared;
}

static inline void checkAccess(uintptr_t address, size_t bytes, Access access, void* caller) {
    if (!isPlain(address, bytes)) check(*worker->current, address, bytes, access, caller);
}

#define SOFTCUDA_ACCESS(bytes)                                                    \
    SOFTCUDA_CALLBACK __asan_load##bytes##_noabort(uintptr_t address) {           \
        checkAccess(address, bytes, READ, __builtin_return_address(0));           \
    }                                                                             \
    SOFTCUDA_CALLBACK __asan_store##bytes##_noabort(uintptr_t address) {          \
        checkAccess(address, bytes, WRITE, __builtin_return_address(0));          \
    }

SOFTCUDA_ACCESS(1)
SOFTCUDA_ACCESS(2)
SOFTCUDA_ACCESS(4)
SOFTCUDA_ACCESS(8)
SOFTCUDA_ACCESS(16)

SOFTCUDA_CALLBACK __asan_loadN_noabort(uintptr_t address, size_t bytes) {
    checkAccess(address, bytes, READ, __builtin_return_address(0));
}

SOFTCUDA_CALLBACK __asan_storeN_noabort(uintptr_t address, size_t bytes) {
    checkAccess(address, bytes, WRITE, __builtin_return_address(0));
}

SOFTCUDA_CALLBACK __asan_handle_no_return() {}
SOFTCUDA_CALLBACK __asan_before_dynamic_init(const char*) {}
SOFTCUDA_CALLBACK __asan_after_dynamic_init() {}

/** What -fsanitize=alignment and -fsanitize=bounds pass: where in the source. */
struct SourceLocation {
    const char* file;
    uint32_t line, column;
};

SOFTCUDA_CALLBACK __ubsan_handle_type_mismatch_v1(const SourceLocation* source, uintptr_t address) {
    fail(MISALIGNED_ADDRESS, "an access at address " + hex(address) + " at " + withoutFolder(source->file) + ":" + std::to_string(source->line) +
                                 " is not aligned to its type");
}

SOFTCUDA_CALLBACK __ubsan_handle_out_of_bounds(const SourceLocation* source, uintptr_t index) {
    fail(ILLEGAL_ADDRESS, "index " + std::to_string(static_cast<long>(index)) + " at " + withoutFolder(source->file) + ":" +
                              std::to_string(source->line) + " is outside its array");
}
