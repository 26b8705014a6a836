// The twins of mma.sync, ldmatrix and cp.async (PTX ISA: "Matrix fragments for mma.m16n8k16", "ldmatrix", "cp.async").
#include <immintrin.h>

#include <cstring>

#include "block.h"
#include "codes.h"
#include "sanitizer.h"

typedef uint32_t u32;

namespace softcuda {

enum ElementType { F16, BF16 };

namespace {

struct Multiply {
    float* d;
    const u32* a;
    u32 b[2];
};

__m256 widenF16(__m128i x) { return _mm256_cvtph_ps(x); }
__m256 widenBf16(__m128i x) { return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(x), 16)); }

/** d [16, 8] += a [16, 16] · b [16, 8], gathered from the lanes and given back to them. */
template <__m256 (*widen)(__m128i)>
void multiply(Warp& warp, uint32_t) {
    alignas(32) uint16_t a[16][16], b[8][16];
    alignas(32) float wideA[16][16], wideB[8][16], columnsB[16][8], d[16][8];
    for (int lane = 0; lane < 32; lane++) {
        auto* mine = static_cast<Multiply*>(warp.slots[lane]);
        int row = lane / 4, column = lane % 4 * 2;
        memcpy(&a[row][column], &mine->a[0], 4);
        memcpy(&a[row + 8][column], &mine->a[1], 4);
        memcpy(&a[row][column + 8], &mine->a[2], 4);
        memcpy(&a[row + 8][column + 8], &mine->a[3], 4);
        memcpy(&b[row][column], &mine->b[0], 4);
        memcpy(&b[row][column + 8], &mine->b[1], 4);
        memcpy(&d[row][column], &mine->d[0], 8);
        memcpy(&d[row + 8][column], &mine->d[2], 8);
    }
    for (int half = 0; half < 16; half += 8) {
        for (int i = 0; i < 16; i++)
            _mm256_store_ps(&wideA[i][half], widen(_mm_load_si128(reinterpret_cast<__m128i*>(&a[i][half]))));
        for (int i = 0; i < 8; i++)
            _mm256_store_ps(&wideB[i][half], widen(_mm_load_si128(reinterpret_cast<__m128i*>(&b[i][half]))));
    }
    for (int k = 0; k < 16; k++)
        for (int i = 0; i < 8; i++) columnsB[k][i] = wideB[i][k];
    for (int i = 0; i < 16; i++) {
        __m256 even = _mm256_load_ps(d[i]), odd = _mm256_setzero_ps();
        for (int k = 0; k < 16; k += 2) {
            even = _mm256_fmadd_ps(_mm256_broadcast_ss(&wideA[i][k]), _mm256_load_ps(columnsB[k]), even);
            odd = _mm256_fmadd_ps(_mm256_broadcast_ss(&wideA[i][k + 1]), _mm256_load_ps(columnsB[k + 1]), odd);
        }
        _mm256_store_ps(d[i], _mm256_add_ps(even, odd));
    }
    for (int lane = 0; lane < 32; lane++) {
        auto* mine = static_cast<Multiply*>(warp.slots[lane]);
        int row = lane / 4, column = lane % 4 * 2;
        memcpy(&mine->d[0], &d[row][column], 8);
        memcpy(&mine->d[2], &d[row + 8][column], 8);
    }
}

void requireFullWarp(const char* name) {
    Warp& warp = worker->warps[worker->current->warp];
    if (warp.alive != ~0u) fail(LAUNCH_FAILED, std::string(name) + " needs all 32 lanes of the warp");
}

struct MatrixLoad {
    const uint16_t* row;
    u32* registers;
};

/** Lane 8 m + r gives row r of matrix m; lane 4 r + c gets elements 2 c and 2 c + 1 of row r of each matrix. */
template <int count, bool transposed>
void load(Warp& warp, uint32_t) {
    auto row = [&](int matrix, int r) { return static_cast<MatrixLoad*>(warp.slots[matrix * 8 + r])->row; };
    for (int lane = 0; lane < 32; lane++) {
        int r = lane / 4, c = lane % 4 * 2;
        for (int m = 0; m < count; m++) {
            u32 low = transposed ? row(m, c)[r] : row(m, r)[c];
            u32 high = transposed ? row(m, c + 1)[r] : row(m, r)[c + 1];
            static_cast<MatrixLoad*>(warp.slots[lane])->registers[m] = low | high << 16;
        }
    }
}

bool inShared(const void* address) {
    return static_cast<size_t>(static_cast<const unsigned char*>(address) - worker->shared) < SHARED_BYTES + SHARED_GAP;
}

}  // namespace

#pragma GCC visibility push(default)

void multiplyAccumulate(float* d, const u32* a, u32 b0, u32 b1, ElementType type) {
    requireFullWarp("mma");
    Multiply mine{d, a, {b0, b1}};
    if (type == F16) {
        join(~0u, &mine, multiply<widenF16>, "mma of f16");
    } else {
        join(~0u, &mine, multiply<widenBf16>, "mma of bf16");
    }
}

void loadMatrices(u32* registers, const void* row, int count, bool transposed) {
    requireFullWarp("ldmatrix");
    const Thread& me = *worker->current;
    if (me.lane < 8 * count) {
        if (reinterpret_cast<uintptr_t>(row) % 16) fail(MISALIGNED_ADDRESS, "ldmatrix: the row is not aligned to 16 bytes");
        if (!inShared(row)) fail(ILLEGAL_ADDRESS, "ldmatrix: the row is not in shared memory");
        check(me, reinterpret_cast<uintptr_t>(row), 16, READ, __builtin_return_address(0));
    }
    MatrixLoad mine{static_cast<const uint16_t*>(row), registers};
    Collective collective = count == 4 ? transposed ? load<4, true> : load<4, false> : transposed ? load<2, true> : load<2, false>;
    join(~0u, &mine, collective, "ldmatrix");
}

/** The bytes arrive at the wait; until then the target holds NaN, and touching it is an error. */
void startCopy16(void* shared, const void* global, bool valid) {
    Thread& me = *worker->current;
    uintptr_t to = reinterpret_cast<uintptr_t>(shared), from = reinterpret_cast<uintptr_t>(global);
    if (to % 16 || (valid && from % 16)) fail(MISALIGNED_ADDRESS, "cp.async: an address is not aligned to 16 bytes");
    if (!inShared(shared)) fail(ILLEGAL_ADDRESS, "cp.async: the target is not in shared memory");
    check(me, to, 16, WRITE, __builtin_return_address(0));
    if (valid) check(me, from, 16, READ, __builtin_return_address(0));
    memset(shared, 0xff, 16);
    markInFlight(me, to, 16);
    me.copies.push_back({static_cast<unsigned char*>(shared), valid ? static_cast<const unsigned char*>(global) : nullptr});
}

void commitCopies() { worker->current->groups.push_back(worker->current->copies.size()); }

/** Completes the first `count` copies that `thread` has started. */
static void complete(Thread& thread, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const PendingCopy& copy = thread.copies[i];
        if (copy.from) memcpy(copy.to, copy.from, 16);
        else memset(copy.to, 0, 16);
        markWritten(thread, reinterpret_cast<uintptr_t>(copy.to), 16);
    }
    thread.copies.erase(thread.copies.begin(), thread.copies.begin() + count);
}

void waitForCopies(unsigned pendingGroups) {
    Thread& me = *worker->current;
    if (me.groups.size() <= pendingGroups) return;
    size_t groups = me.groups.size() - pendingGroups, copies = me.groups[groups - 1];
    complete(me, copies);
    me.groups.erase(me.groups.begin(), me.groups.begin() + groups);
    for (size_t& end : me.groups) end -= copies;
}

#pragma GCC visibility pop

void finishCopies(Thread& thread) { complete(thread, thread.copies.size()); }

}  // namespace softcuda
