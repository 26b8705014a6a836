// y [rows, columns] = x [rows, depth] · w [columns, depth]ᵀ of T by one warp per 16 x 16 tile, with double buffers: correct as it is, and wrong
// in one way for each value of BUG, for the tests of the software device.
#include "ptx.cuh"

constexpr int DEPTH = 16;  // of a step

/** Starts the copy of 16 rows of 16 elements: lane i copies half a row. */
DEVICE void copyTile(T* tile, const T* matrix, int firstRow, int rows, int depth, int column) {
    int lane = threadIdx.x, row = lane / 2, part = lane % 2 * 8;
    bool valid = firstRow + row < rows && column + part < depth;
    const T* source = matrix + static_cast<i64>(valid ? firstRow + row : 0) * depth + (valid ? column + part : 0);
#if BUG == 6  // copies from outside instead of zeros
    source = matrix + static_cast<i64>(firstRow + row) * depth + column + part;
    valid = true;
#endif
    copyAsync16(tile + row * DEPTH + part, source, valid);
}

extern "C" __global__ void __launch_bounds__(32) product(const T* x, const T* w, float* y, int rows, int columns, int depth) {
    __shared__ __align__(16) T left[2][16 * DEPTH], right[2][16 * DEPTH];
    int lane = threadIdx.x, firstRow = blockIdx.y * 16, firstColumn = blockIdx.x * 16;
    float sums[2][4] = {};
#if BUG == 8  // lanes without a row end before the warp's products
    if (firstRow + lane / 4 >= rows) return;
#endif
    copyTile(left[0], x, firstRow, rows, depth, 0);
    copyTile(right[0], w, firstColumn, columns, depth, 0);
    copyCommit();
    for (int step = 0; step * DEPTH < depth; step++) {
        int next = (step + 1) % 2;
        if ((step + 1) * DEPTH < depth) {
            copyTile(left[next], x, firstRow, rows, depth, (step + 1) * DEPTH);
            copyTile(right[next], w, firstColumn, columns, depth, (step + 1) * DEPTH);
        }
        copyCommit();
#if BUG == 1  // no wait for the copies
#elif BUG == 2  // waits for too few of them
        copyWait<2>();
#else
        copyWait<1>();
#endif
#if BUG != 3  // no barrier between arrival and use
        __syncthreads();
#endif
        u32 a[4], b[4];
        loadMatrix4(a, left[step % 2] + lane % 16 * DEPTH + lane / 16 * 8);
        loadMatrix4(b, right[step % 2] + (lane % 8 + lane / 16 * 8) * DEPTH + lane / 8 % 2 * 8);
        mma(sums[0], a, b[0], b[1], T());
        mma(sums[1], a, b[2], b[3], T());
#if BUG != 4  // no barrier between use and the next copy
        __syncthreads();
#endif
    }
#if BUG == 7  // a shuffle that some lanes do not reach
    if (firstRow + lane / 4 < rows) sums[0][0] += 0 * __shfl_xor_sync(~0u, sums[0][0], 16);
#endif
    for (int half = 0; half < 2; half++) {
        for (int i = 0; i < 4; i++) {
            int row = firstRow + lane / 4 + i / 2 * 8, column = firstColumn + half * 8 + lane % 4 * 2 + i % 2;
#if BUG == 5  // results outside of y are written
            y[static_cast<i64>(row) * columns + column] = sums[half][i];
#else
            if (row < rows && column < columns) y[static_cast<i64>(row) * columns + column] = sums[half][i];
#endif
        }
    }
}
