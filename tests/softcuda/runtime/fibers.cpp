// CUDA threads as fibers: a thread runs until it waits for others or ends, and a thread that ends hands its stack to the next.
#include <sys/mman.h>

#include <cstdlib>
#include <cstring>
#include <new>

#include "block.h"
#include "codes.h"
#include "sanitizer.h"

namespace softcuda {

__thread Registers registers;
__thread Worker* worker;

// Saves the registers that a call preserves and goes on with another stack.
extern "C" void softcudaSwitch(void** save, void* to);
asm(R"(
.text
.hidden softcudaSwitch
.globl softcudaSwitch
.type softcudaSwitch, @function
softcudaSwitch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
)");

static void* reserve(size_t bytes) {
    void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    return memory;
}

Worker::Worker() : stacksMade(0), clock(1) {
    stacks = static_cast<unsigned char*>(reserve(STACK_BYTES * MAX_THREADS));
    shared = static_cast<unsigned char*>(reserve(SHARED_BYTES + SHARED_GAP));
    touches = static_cast<Touch*>(reserve(sizeof(Touch) * (SHARED_BYTES + SHARED_GAP) / TOUCH_BYTES));
}

void Worker::prepare(const Launch& what, uint3 index) {
    launch = &what;
    threadCount = alive = what.block.x * what.block.y * what.block.z;
    warpCount = (threadCount + 31) / 32;
    atBarrier = barrierCount = 0;
    startTime(*this, index);
    for (int i = 0; i < warpCount; i++) {
        int lanes = threadCount - i * 32 < 32 ? threadCount - i * 32 : 32;
        Warp& warp = warps[i];
        warp.alive = warp.ready = ~0u >> (32 - lanes);
        warp.arrived = 0;
        warp.firstThread = i * 32;
        warp.syncTime = clock;
    }
    for (int i = 0; i < threadCount; i++) {
        Thread& thread = threads[i];
        thread.stackPointer = nullptr;
        thread.index = {i % what.block.x, i / what.block.x % what.block.y, i / (what.block.x * what.block.y)};
        thread.number = i;
        thread.lane = i % 32;
        thread.warp = i / 32;
        thread.copies.clear();
        thread.groups.clear();
    }
    freeStacks.clear();
    for (int i = stacksMade; i-- > 0;) freeStacks.push_back(i);
    registers.blockIdx = index;
    registers.blockDim = {what.block.x, what.block.y, what.block.z};
    registers.gridDim = {what.grid.x, what.grid.y, what.grid.z};
    registers.staticShared = shared;
    registers.dynamicShared = shared + STATIC_SHARED_BYTES + SHARED_GAP;
    // What no thread has written is NaN in every type.
    memset(registers.staticShared, 0xff, what.staticShared);
    memset(registers.dynamicShared, 0xff, what.dynamicShared);
}

void Worker::runBlock(const Launch& what, uint3 index) {
    prepare(what, index);
    begin(threads[0]);
    softcudaSwitch(&ownStackPointer, current->stackPointer);
}

int Worker::takeStack() {
    if (freeStacks.empty()) {
        // The lowest page of a stack is a guard: running over it ends the process rather than another thread's data.
        mprotect(stacks + STACK_BYTES * stacksMade, 4096, PROT_NONE);
        return stacksMade++;
    }
    int stack = freeStacks.back();
    freeStacks.pop_back();
    return stack;
}

/** Makes `thread` current on a stack of its own, so that switching to it enters fiberMain. */
void Worker::begin(Thread& thread) {
    thread.stack = takeStack();
    // Stacks begin at different cache sets.
    uintptr_t top = reinterpret_cast<uintptr_t>(stacks) + STACK_BYTES * (thread.stack + 1) - thread.stack % 32 * 1088;
    void** pointer = reinterpret_cast<void**>(top & ~uintptr_t(15));
    *--pointer = nullptr;
    *--pointer = reinterpret_cast<void*>(fiberMain);
    for (int i = 0; i < 6; i++) *--pointer = nullptr;
    thread.stackPointer = pointer;
    current = &thread;
    registers.threadIdx = thread.index;
    registers.lane = thread.lane;
}

void Worker::fiberMain() {
    Worker& self = *worker;
    for (;;) {
        self.launch->kernel->call(self.launch->arguments.data());
        self.end();  // returns when this stack goes on with a thread that has not started
    }
}

/** The ready thread that comes next in turn, first in the warp of `after`; null if none is. */
Thread* Worker::next(const Thread& after) {
    uint32_t ready = warps[after.warp].ready;
    if (ready) {
        uint32_t later = after.lane == 31 ? 0 : ready & ~((2u << after.lane) - 1);
        return &threads[warps[after.warp].firstThread + __builtin_ctz(later ? later : ready)];
    }
    for (int i = 1; i < warpCount; i++) {
        Warp& warp = warps[(after.warp + i) % warpCount];
        if (warp.ready) return &threads[warp.firstThread + __builtin_ctz(warp.ready)];
    }
    return nullptr;
}

void Worker::resume(Thread& thread) {
    Thread* from = current;
    if (!thread.stackPointer) {
        begin(thread);
    } else {
        current = &thread;
        registers.threadIdx = thread.index;
        registers.lane = thread.lane;
    }
    softcudaSwitch(&from->stackPointer, thread.stackPointer);
}

static std::string waiting(const Worker& self) {
    int collectives = 0;
    for (int i = 0; i < self.warpCount; i++) collectives += __builtin_popcount(self.warps[i].arrived);
    return std::to_string(self.atBarrier) + " of " + std::to_string(self.alive) + " threads wait at a barrier, " +
           std::to_string(collectives) + " at a warp operation";
}

void Worker::yield() {
    Thread* thread = next(*current);
    if (!thread) fail(LAUNCH_TIMEOUT, "deadlock: " + waiting(*this));
    if (thread != current) resume(*thread);
}

/** Completes what only waited for the current thread, and goes on with another. */
void Worker::end() {
    Thread& me = *current;
    finishCopies(me);
    Warp& warp = warps[me.warp];
    warp.alive &= ~(1u << me.lane);
    warp.ready &= ~(1u << me.lane);
    alive--;
    if (warp.arrived && (warp.expected & (1u << me.lane)))
        fail(LAUNCH_FAILED, "a thread ended while lanes of its warp wait for it in a warp operation");
    if (alive && atBarrier == alive) releaseBarrier(*this);
    Thread* thread = alive ? next(me) : nullptr;
    if (alive && !thread) fail(LAUNCH_TIMEOUT, "deadlock after threads have ended: " + waiting(*this));
    if (thread && !thread->stackPointer) {
        int stack = me.stack;
        current = thread;
        thread->stack = stack;
        thread->stackPointer = stacks;  // not null: started
        registers.threadIdx = thread->index;
        registers.lane = thread->lane;
        return;
    }
    void* abandoned;
    if (!thread) softcudaSwitch(&abandoned, ownStackPointer);
    freeStacks.push_back(me.stack);
    current = thread;
    registers.threadIdx = thread->index;
    registers.lane = thread->lane;
    softcudaSwitch(&abandoned, thread->stackPointer);
}

}  // namespace softcuda
