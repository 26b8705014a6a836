// Operations that move elements and change none.
//   join      y[r] = a[r] followed by b[r]
//   slice     y[r] = x[r] from `first` on
//   upsample  y[n,i,j] = x[n, floor(i·h/H), floor(j·w/W)]
//   gather    y[r] = table[ids[r]]
// Java      MovementKernels
// Shapes    rows of UNITs; a, b, x, y, table of any type, in units of 1, 2, 4 or 16 bytes; ids i32.
// Needs     all rows are whole units and aligned to them.
// Schedule  a thread for a unit of y.
// Cost      1 read and 1 write of y: bound by memory. Not yet measured.
#include "elements.cuh"

constexpr int THREADS = 256;

DEVICE i64 unitOfThread() {
    return static_cast<i64>(blockIdx.x) * THREADS + threadIdx.x;
}

/** a [rows, widthOfA], b [rows, widthOfB] → y [rows, widthOfA + widthOfB]. */
extern "C" __global__ void __launch_bounds__(THREADS) join(const UNIT* a, const UNIT* b, UNIT* y, i64 rows, int widthOfA, int widthOfB) {
    const int width = widthOfA + widthOfB;
    const i64 i = unitOfThread();
    if (i < rows * width) {
        const i64 row = i / width;
        const int column = static_cast<int>(i % width);
        y[i] = column < widthOfA ? a[row * widthOfA + column] : b[row * widthOfB + column - widthOfA];
    }
}

/** x [rows, width] → y [rows, taken]. */
extern "C" __global__ void __launch_bounds__(THREADS) slice(const UNIT* x, UNIT* y, i64 rows, int width, int first, int taken) {
    const i64 i = unitOfThread();
    if (i < rows * taken) {
        y[i] = x[i / taken * width + first + i % taken];
    }
}

/** x [images, h, w, width] → y [images, tall, wide, width]. */
extern "C" __global__ void __launch_bounds__(THREADS)
    upsample(const UNIT* x, UNIT* y, int images, int h, int w, int tall, int wide, int width) {
    const i64 i = unitOfThread();
    if (i < static_cast<i64>(images) * tall * wide * width) {
        const int unit = static_cast<int>(i % width);
        const i64 pixel = i / width;
        const i64 column = pixel % wide * w / wide;
        const i64 row = pixel / wide % tall * h / tall;
        const i64 image = pixel / wide / tall;
        y[i] = x[((image * h + row) * w + column) * width + unit];
    }
}

/** ids [rows], table [.., width] → y [rows, width]. */
extern "C" __global__ void __launch_bounds__(THREADS) gather(const int* ids, const UNIT* table, UNIT* y, i64 rows, int width) {
    const i64 i = unitOfThread();
    if (i < rows * width) {
        y[i] = table[static_cast<i64>(ids[i / width]) * width + i % width];
    }
}
