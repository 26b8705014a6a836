// The state of the block that a worker runs: its threads as fibers, its warps, its shared memory.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "../include/softcuda.h"
#undef threadIdx
#undef blockIdx
#undef blockDim
#undef gridDim
#undef warpSize

namespace softcuda {

constexpr int MAX_THREADS = 1024;
constexpr int MAX_WARPS = MAX_THREADS / 32;
constexpr size_t STACK_BYTES = 128 * 1024;
constexpr unsigned STATIC_SHARED_BYTES = 512 * 1024;    // of all kernels of a module, one after the other
constexpr unsigned DYNAMIC_SHARED_BYTES = 227 * 1024;  // the most a block may use on sm_90
constexpr unsigned SHARED_BYTES = STATIC_SHARED_BYTES + DYNAMIC_SHARED_BYTES;

/** A cp.async of 16 bytes that has been started and not been waited for; zeros where `from` is null. */
struct PendingCopy {
    unsigned char* to;
    const unsigned char* from;
};

/** One CUDA thread: a fiber once it has started. */
struct Thread {
    void* stackPointer;  // where it goes on; null before it starts
    int stack;           // the index of its stack
    uint3 index;
    uint16_t number, lane, warp;
    std::vector<PendingCopy> copies;
    std::vector<size_t> groups;  // for each committed group, how many of `copies` end with it
};

struct Warp;
/** Does a collective for the lanes of the mask; slots[lane] points at the arguments of a lane. */
typedef void (*Collective)(Warp&, uint32_t lanes);

struct Warp {
    uint32_t alive, ready;       // lanes that have not ended; of these, lanes that could run
    uint32_t arrived, expected;  // lanes at the current collective; lanes it waits for
    Collective collective;
    void* slots[32];
    int firstThread;
    uint32_t syncTime;  // when this warp's last __syncwarp completed
};

/** Who last touched two bytes of shared memory, and when (see races.cpp). */
struct Touch {
    uint32_t writeTime, readTime;
    uint16_t writer, reader;
};

/** What a launch asks for. */
struct Launch {
    const KernelEntry* kernel;
    std::vector<const void*> arguments;
    dim3 grid, block;
    unsigned dynamicShared, staticShared;
};

/** Everything one operating system thread needs to run blocks, one after the other. */
struct Worker {
    Thread threads[MAX_THREADS];
    Warp warps[MAX_WARPS];
    int threadCount, warpCount, alive;
    int atBarrier, barrierCount, barrierResult;
    const Launch* launch;
    Thread* current;
    void* ownStackPointer;  // of the worker itself, while fibers run
    unsigned char* stacks;
    int stacksMade;
    std::vector<int> freeStacks;
    unsigned char* shared;
    Touch* touches;
    uint32_t clock, barrierTime;
    bool tracksRaces;  // in this block

    Worker();
    void runBlock(const Launch& launch, uint3 index);
    /** Runs another thread until this one is ready again. */
    void yield();

   private:
    void prepare(const Launch& launch, uint3 index);
    Thread* next(const Thread& after);
    void resume(Thread& thread);
    void begin(Thread& thread);
    void end();
    int takeStack();
    static void fiberMain();
};

extern __thread Worker* worker __attribute__((tls_model("initial-exec")));

/** Ends the launch with a CUDA error code; what is told on stderr names kernel, block and thread. */
[[noreturn]] void fail(int code, const std::string& what);

/** Gives `slot` to the warp's collective; the last lane that arrives does the work for all. */
void join(uint32_t mask, void* slot, Collective collective, const char* name);

/** Runs every block of the grid; returns 0 or a CUDA error code. */
int runGrid(const Launch& launch);

/** Completes the copies that a thread has started and, ending, no longer waits for. */
void finishCopies(Thread& thread);

}  // namespace softcuda
