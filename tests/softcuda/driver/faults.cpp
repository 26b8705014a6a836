// Faults on demand: the n-th call of a kind fails with a code. Set by SOFTCUDA_FAIL or by the exported softcuda_… functions.
#include <cstdlib>
#include <cstring>
#include <utility>

#include "device.h"

namespace softcuda {

int launches = RUN;

namespace {

struct Fault {
    CallKind kind;
    long at;  // the count of calls of its kind at which it strikes
    int code;
};

struct Plan {
    std::vector<Fault> faults;
    long counts[CALL_KINDS] = {};

    /** SOFTCUDA_FAIL=allocation:3:2,launch:10:700 : kind, which call from now, code. */
    Plan() {
        static const char* const names[CALL_KINDS] = {"allocation", "launch", "copy", "wait", "free", "module", "stream", "event", "graph", "library"};
        const char* text = getenv("SOFTCUDA_FAIL");
        while (text && *text) {
            char name[16];
            long n;
            int code, length = 0;
            if (sscanf(text, "%15[a-z]:%ld:%d%n", name, &n, &code, &length) != 3) {
                fprintf(stderr, "softcuda: SOFTCUDA_FAIL is KIND:N:CODE,… and not \"%s\"\n", text);
                exit(2);
            }
            for (int kind = 0; kind < CALL_KINDS; kind++)
                if (!strcmp(name, names[kind])) faults.push_back({static_cast<CallKind>(kind), n, code});
            text += length;
            if (*text == ',') text++;
        }
    }
};

Plan& plan() {
    static Plan plan;
    return plan;
}

}  // namespace

int countCall(CallKind kind) {
    Plan& all = plan();
    long count = ++all.counts[kind];
    for (size_t i = 0; i < all.faults.size(); i++) {
        if (all.faults[i].kind != kind || all.faults[i].at != count) continue;
        int code = all.faults[i].code;
        all.faults.erase(all.faults.begin() + i);
        return code;
    }
    return SUCCESS;
}

bool isSticky(int code) {
    return code == ECC_UNCORRECTABLE || code == NVLINK_UNCORRECTABLE || code == CONTAINED || code == ILLEGAL_ADDRESS ||
           code == LAUNCH_TIMEOUT || (code >= ASSERT && code <= LAUNCH_FAILED && code != 711 && code != 712 && code != 713) ||
           code == TENSOR_MEMORY_LEAK || code == EXTERNAL_DEVICE || code == UNKNOWN;
}

Call::Call(CallKind kind) : Call() {
    if (code) return;
    code = countCall(kind);
    if (isSticky(code)) currentDevice->error = code;
}

}  // namespace softcuda

using namespace softcuda;

#define SOFTCUDA_CONTROL extern "C" __attribute__((visibility("default")))

/** The n-th call of a kind from now (1 is the next) fails with a code. Kinds in the order of CallKind, from 0. */
SOFTCUDA_CONTROL int softcuda_fail(int kind, int n, int code) {
    std::lock_guard<std::recursive_mutex> lock(driverMutex);
    if (kind < 0 || kind >= CALL_KINDS || n < 1) return INVALID_VALUE;
    plan().faults.push_back({static_cast<CallKind>(kind), plan().counts[kind] + n, code});
    return SUCCESS;
}

/** Has launches run (1, as at the start), only be queued and counted (0), or return at once (-1). Returns what held before. */
SOFTCUDA_CONTROL int softcuda_compute(int how) {
    std::lock_guard<std::recursive_mutex> lock(driverMutex);
    return std::exchange(launches, how);
}

/** Forgets planned faults and counts, and revives devices that a sticky error has killed; memory stays as it is. */
SOFTCUDA_CONTROL int softcuda_reset() {
    std::lock_guard<std::recursive_mutex> lock(driverMutex);
    plan().faults.clear();
    for (long& count : plan().counts) count = 0;
    for (auto& device : devices()) device->error = SUCCESS;
    return SUCCESS;
}

/** How many calls of a kind were made since the start or the last reset. */
SOFTCUDA_CONTROL int softcuda_count(int kind) {
    std::lock_guard<std::recursive_mutex> lock(driverMutex);
    return kind < 0 || kind >= CALL_KINDS ? -1 : static_cast<int>(plan().counts[kind]);
}

/** Bytes of device memory that are allocated. */
SOFTCUDA_CONTROL long long softcuda_live_bytes() {
    std::lock_guard<std::recursive_mutex> lock(driverMutex);
    return static_cast<long long>(liveBytes());
}
