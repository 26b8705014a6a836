// What the software cuBLAS and cuDNN ask of the driver: a place in a stream, whether memory is there, and planned faults.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

namespace softcuda {

#define SOFTCUDA_SHARED __attribute__((visibility("default")))

/** Counts a call of a library; returns the status that was planned for it, else 0. */
SOFTCUDA_SHARED int countLibraryCall();
/** Whether a call that allocates or waits can be made now; one that is made during a capture invalidates it. */
SOFTCUDA_SHARED bool mayAllocate();
/** Queues work in a stream or, while it is captured, records it; returns the driver's code. */
SOFTCUDA_SHARED int enqueue(void* stream, std::function<int()> work);
/** Whether one allocation holds all bytes, as far as is known when a call is made. */
SOFTCUDA_SHARED bool holds(const void* address, size_t bytes);

/** What a library's work touches. */
struct Operand {
    const char* name;
    const void* address;
    size_t bytes;
};

/** For work that runs: SUCCESS, or ILLEGAL_ADDRESS after telling on stderr which operand of `call` lies outside every open allocation. */
SOFTCUDA_SHARED int checkOperands(const char* call, std::initializer_list<Operand> operands);

}  // namespace softcuda
