// Operations that move elements and change none.
//   join      y[r] = a[r] followed by b[r]
//   slice     y[r] = x[r] from `first` on
//   upsample  y[n,i,j] = x[n, floor(i·h/H), floor(j·w/W)]
//   gather    y[r] = table[ids[r]]
// Source    nearest neighbours as torch.nn.functional.interpolate takes them.
// Java      MovementKernels
// Shapes    rows of UNITs; a, b, x, y, table of any type, in units of 1, 2, 4 or 16 bytes; ids i32.
// Needs     all rows are whole units and aligned to them; y has fewer than 2^31 units; sides of maps are below 2^16.
// Numerics  none: bits are moved.
// Schedule  a thread for a unit of y; places are divided in 32 bits, for which a GPU takes a third of the instructions of 64.
// Cost      1 read and 1 write of y: bound by memory. Predicted, not measured: joining two maps of 2 x 64 x 64 x 320 of f16 takes 5 µs on an H200
//           at 4.3 TB/s. Group norm of two maps (groupnorm.cu) and nearest 2x + convolution (convolution.cu) need neither join nor upsample.
// Tried     Places divided in 64 bits: 5 divisions a unit kept upsample from half of the memory's speed, by count of instructions.
#include "elements.cuh"

constexpr int THREADS = 256;

DEVICE u32 unitOfThread() {
    return blockIdx.x * THREADS + threadIdx.x;
}

/** a [rows, widthOfA], b [rows, widthOfB] → y [rows, widthOfA + widthOfB]. */
extern "C" __global__ void __launch_bounds__(THREADS) join(const UNIT* a, const UNIT* b, UNIT* y, u32 rows, u32 widthOfA, u32 widthOfB) {
    const u32 width = widthOfA + widthOfB;
    const u32 i = unitOfThread();
    if (i < rows * width) {
        const u32 row = i / width;
        const u32 column = i % width;
        y[i] = column < widthOfA ? a[row * widthOfA + column] : b[row * widthOfB + column - widthOfA];
    }
}

/** x [rows, width] → y [rows, taken]. */
extern "C" __global__ void __launch_bounds__(THREADS) slice(const UNIT* x, UNIT* y, u32 rows, u32 width, u32 first, u32 taken) {
    const u32 i = unitOfThread();
    if (i < rows * taken) {
        y[i] = x[static_cast<i64>(i / taken) * width + first + i % taken];
    }
}

/** x [images, h, w, width] → y [images, tall, wide, width]. */
extern "C" __global__ void __launch_bounds__(THREADS)
    upsample(const UNIT* x, UNIT* y, u32 images, u32 h, u32 w, u32 tall, u32 wide, u32 width) {
    const u32 i = unitOfThread();
    if (i < images * tall * wide * width) {
        const u32 pixel = i / width;
        const u32 line = pixel / wide;
        const u32 column = pixel % wide * w / wide;
        const u32 row = line % tall * h / tall;
        const u32 image = line / tall;
        y[i] = x[((static_cast<i64>(image) * h + row) * w + column) * width + i % width];
    }
}

/** ids [rows], table [.., width] → y [rows, width]. */
extern "C" __global__ void __launch_bounds__(THREADS) gather(const int* ids, const UNIT* table, UNIT* y, u32 rows, u32 width) {
    const u32 i = unitOfThread();
    if (i < rows * width) {
        y[i] = table[static_cast<i64>(ids[i / width]) * width + i % width];
    }
}
