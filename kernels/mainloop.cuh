// The main loop of matrix products: sums[m, n] = Σ a[m, k] · b[n, k] for a block's tile of TILE_M x TILE_N results.
//
// Source    The usual multistage pipeline (Thakkar et al., CUTLASS 2): slices of a and b are copied asynchronously into a ring of STAGES
//           buffers, while the slice that arrived first is multiplied.
// Needs     -D T, TILE_M, TILE_N, WARPS_M, WARPS_N, STAGES, TENSOR_CORES (1: f16, bf16 by mma; 0: any type by FMA) and VECTOR (1: rows
//           start at multiples of 16 bytes and are read so; 0: element by element). TILE_M and TILE_N are multiples of THREADS / 4.
// Numerics  Sums in float over ascending k, 16 at a time with tensor cores and one at a time without. The order depends neither on the
//           tile nor on VECTOR. Where the depth is split among blocks, the sums of the splits are added in ascending order.
// Schedule  Shared memory holds rows of 64 bytes, a slice's depth; its four chunks of 16 bytes are exchanged by the row, so that eight rows
//           of one chunk, and two whole rows, touch all banks once. One barrier a slice. No dynamic shared memory: STAGES are chosen so
//           that 48 KiB suffice, and two blocks share a multiprocessor on every GPU since 8.0.
//           A split depth takes no second launch: each block leaves its sums in memory, as its threads hold them, and the one that comes
//           last adds them up.
// Tried     A second kernel for adding up: one launch more for each small product, and sums laid out by rows and columns.
#pragma once

#include "elements.cuh"
#include "epilogue.cuh"

constexpr int CHUNK = Pack<T>::SIZE;              // elements copied at once: 16 bytes
constexpr int CHUNKS = 4;                         // of a row in a slice
constexpr int SLICE = CHUNKS * CHUNK;             // depth of a slice: 32 of f16 and bf16, 16 of f32
constexpr int THREADS = 32 * WARPS_M * WARPS_N;   // of a block
constexpr int PASS = THREADS / CHUNKS;            // rows that the block copies at once
constexpr int RING = STAGES * (TILE_M + TILE_N) * SLICE; // elements of all slices in shared memory
constexpr int WARP_M = TILE_M / WARPS_M;          // rows and
constexpr int WARP_N = TILE_N / WARPS_N;          // columns of a warp

// Blocks that share a multiprocessor, which bounds their registers.
#if VECTOR && __CUDA_ARCH__ >= 800
constexpr int MIN_BLOCKS = 2;
#else
constexpr int MIN_BLOCKS = 1;  // 7.5 has shared memory for one; copying element by element takes more registers
#endif

static_assert(TILE_M % PASS == 0 && TILE_N % PASS == 0, "the block's threads copy whole passes of rows");
static_assert(WARP_M % 16 == 0 && WARP_N % 16 == 0, "a warp multiplies pieces of 16 x 16");
static_assert(sizeof(T) * RING <= 48 * 1024, "static shared memory ends at 48 KiB");

/** Where chunk `chunk` of row `row` lies in a buffer of rows of SLICE elements. */
DEVICE int place(int row, int chunk) {
    return row * SLICE + (chunk ^ (row >> 1 & 3)) * CHUNK;
}

/** Row of the tile that this thread copies in pass `pass`; it copies the same chunk of each. */
DEVICE int copiedRow(int pass) {
    return pass * PASS + threadIdx.x / CHUNKS;
}

DEVICE int copiedChunk() {
    return threadIdx.x % CHUNKS;
}

/** The block's first row and column of y: blockIdx.x counts tiles, those of the same rows one after another. */
struct Tile {
    int row;
    int column;
    int product; // which of several with the same rows

    /** `width` is the number of columns of y in a tile. Each product has `columns` of its own. */
    DEVICE Tile(int columns, int width, int products = 1) {
        u32 across = (columns + width - 1) / width;
        row = blockIdx.x / (across * products) * TILE_M;
        product = blockIdx.x / across % products;
        column = blockIdx.x % across * width;
    }
};

/** Which part of the depth a block sums, of how many, and where the parts of all blocks meet. */
struct Split {
    int index;
    int count;
    float* partials; // [tiles, count, TILE_M * TILE_N], as threads hold them; unused where the depth is not split
    u32* arrivals;   // [tiles], how many blocks have left their part: 0 before the launch and after it
};

/** The slices that a split sums: from `first` inclusive to `end` exclusive. */
struct Slices {
    int first;
    int end;

    DEVICE Slices(int depth, Split split) {
        i64 total = (depth + SLICE - 1) / SLICE;
        first = static_cast<int>(total * split.index / split.count);
        end = static_cast<int>(total * (split.index + 1) / split.count);
    }
};

/** Rows of x or of a weight, [count, depth]; past the last comes the last again. */
struct RowsFrom {
    const T* matrix;
    int first;
    int count;
    int depth;

    DEVICE const T* operator()(int i) const {
        return matrix + static_cast<i64>(min(first + i, count - 1)) * depth;
    }
};

/** ROWS rows of row-major matrices of `depth` columns, copied slice after slice. */
template <int ROWS>
class MatrixRows {
    static constexpr int PASSES = ROWS / PASS;
    const T* source[PASSES];
    int column;
    int depth;

  public:
    /** `rowAt(i)` is the address of row i of the tile. A row that does not exist may be any other: its results are not written. */
    template <class RowAt>
    DEVICE MatrixRows(RowAt rowAt, int depth, int firstSlice) : column(firstSlice * SLICE + copiedChunk() * CHUNK), depth(depth) {
        for (int pass = 0; pass < PASSES; pass++) {
            source[pass] = rowAt(copiedRow(pass));
        }
    }

    /** Copies the next slice, with zeros past the depth. */
    DEVICE void copy(T* tile) {
#pragma unroll
        for (int pass = 0; pass < PASSES; pass++) {
            T* target = tile + place(copiedRow(pass), copiedChunk());
            const T* values = source[pass] + column;
#if VECTOR
            copyAsync16(target, values, column < depth);
#else
            Pack<T> pack;
            for (int i = 0; i < CHUNK; i++) {
                pack.at[i] = column + i < depth ? values[i] : T{};
            }
            storePack(target, pack);
#endif
        }
        column += SLICE;
    }
};

/** Four sums, which move to and from memory at once. */
using Quad = Span<float, 4>;

#if TENSOR_CORES

/** A thread's sums: WARP_M x WARP_N of its warp, in the fragments of mma.m16n8k16. */
class Sums {
    static constexpr int PIECES_M = WARP_M / 16;
    static constexpr int PIECES_N = WARP_N / 8;
    Quad sums[PIECES_M][PIECES_N] = {};

  public:
    static constexpr int ROWS = 2 * PIECES_M;  // of this thread
    static constexpr int COLUMNS = PIECES_N;   // pieces of WIDTH adjacent sums, each in the next group of 8 columns of the tile
    static constexpr int WIDTH = 2;
    using Piece = Span<float, WIDTH>;

    static DEVICE int row(int i) {
        return threadIdx.x / 32 / WARPS_N * WARP_M + i * 8 + threadIdx.x % 32 / 4;
    }

    static DEVICE int column(int j) {
        return threadIdx.x / 32 % WARPS_N * WARP_N + j * 8 + threadIdx.x % 4 * 2;
    }

    DEVICE Piece at(int i, int j) const {
        const float* pair = &sums[i / 2][j].at[i % 2 * 2];
        return {{pair[0], pair[1]}};
    }

    static constexpr int QUADS = PIECES_M * PIECES_N;

    /** All sums of this thread, four at a time. */
    DEVICE Quad& quad(int i) {
        return sums[i / PIECES_N][i % PIECES_N];
    }

    /** Adds the products of slices a [TILE_M, SLICE] and b [TILE_N, SLICE]. */
    DEVICE void add(const T* a, const T* b) {
        int lane = threadIdx.x % 32;
        int rowA = threadIdx.x / 32 / WARPS_N * WARP_M + lane % 16;
        int rowB = threadIdx.x / 32 % WARPS_N * WARP_N + lane % 8 + lane / 16 * 8;
#pragma unroll
        for (int chunk = 0; chunk < CHUNKS; chunk += 2) { // a step of mma is two chunks deep
            u32 left[PIECES_M][4];
#pragma unroll
            for (int m = 0; m < PIECES_M; m++) {
                loadMatrix4(left[m], a + place(rowA + m * 16, chunk + lane / 16));
            }
#pragma unroll
            for (int n = 0; n < PIECES_N; n += 2) {
                u32 right[4];
                loadMatrix4(right, b + place(rowB + n * 8, chunk + lane / 8 % 2));
#pragma unroll
                for (int m = 0; m < PIECES_M; m++) {
                    mma(sums[m][n].at, left[m], right[0], right[1], T());
                    mma(sums[m][n + 1].at, left[m], right[2], right[3], T());
                }
            }
        }
    }
};

#else

/** A thread's sums: ROWS x COLUMNS results by multiply-add. */
class Sums {
  public:
    static constexpr int COLUMNS = 4;  // each in the next group of 8 columns of the tile
    static constexpr int WIDTH = 1;
    using Piece = Span<float, WIDTH>;
    static constexpr int LANES_N = TILE_N / COLUMNS;
    static constexpr int LANES_M = THREADS / LANES_N;
    static constexpr int ROWS = TILE_M / LANES_M;

    static DEVICE int row(int i) {
        return threadIdx.x / LANES_N + i * LANES_M;
    }

    static DEVICE int column(int j) {
        return threadIdx.x % LANES_N / 8 * 8 * COLUMNS + j * 8 + threadIdx.x % 8;
    }

    DEVICE Piece at(int i, int j) const {
        return {{sums[i].at[j]}};
    }

    static constexpr int QUADS = ROWS;

    /** All sums of this thread, four at a time. */
    DEVICE Quad& quad(int i) {
        return sums[i];
    }

    /** Adds the products of slices a [TILE_M, SLICE] and b [TILE_N, SLICE]. */
    DEVICE void add(const T* a, const T* b) {
        for (int chunk = 0; chunk < CHUNKS; chunk++) {
            Pack<T> right[COLUMNS];
#pragma unroll COLUMNS
            for (int j = 0; j < COLUMNS; j++) {
                right[j] = loadPack(b + place(column(j), chunk));
            }
#pragma unroll ROWS
            for (int i = 0; i < ROWS; i++) {
                Pack<T> left = loadPack(a + place(row(i), chunk));
#pragma unroll CHUNK
                for (int k = 0; k < CHUNK; k++) {
#pragma unroll COLUMNS
                    for (int j = 0; j < COLUMNS; j++) {
                        sums[i].at[j] = fmaf(toFloat(left.at[k]), toFloat(right[j].at[k]), sums[i].at[j]);
                    }
                }
            }
        }
    }

  private:
    Quad sums[ROWS] = {};
};

#endif

/** Calls body(row of the tile, column of the tile, adjacent sums) for all sums of this thread. */
template <class Body>
DEVICE void forEach(const Sums& sums, Body body) {
#pragma unroll
    for (int i = 0; i < Sums::ROWS; i++) {
#pragma unroll
        for (int j = 0; j < Sums::COLUMNS; j++) {
            body(Sums::row(i), Sums::column(j), sums.at(i, j));
        }
    }
}

/** As forEach, for two groups of 8 columns at once: body(row, column in the first group, sums there, sums in the second group). */
template <class Body>
DEVICE void forEachPair(const Sums& sums, Body body) {
#pragma unroll
    for (int i = 0; i < Sums::ROWS; i++) {
#pragma unroll
        for (int j = 0; j < Sums::COLUMNS; j += 2) {
            body(Sums::row(i), Sums::column(j), sums.at(i, j), sums.at(i, j + 1));
        }
    }
}

/** The block's shared memory: the slices of the main loop, afterwards whatever comes. */
DEVICE T* ring() {
    __shared__ __align__(128) T elements[RING];
    return elements;
}

/**
 * sums = Σ over `slices`; a and b copy TILE_M and TILE_N rows of a slice at each call, from the first of these slices on. `arrived` is called with each
 * slice of a when this thread's own part of it has come; it may change that part.
 */
template <class A, class B, class Arrived>
DEVICE void multiply(A& a, B& b, Slices slices, Sums& sums, Arrived& arrived) {
    T* buffers = ring();
    int count = slices.end - slices.first;
    auto buffer = [&](int slice) { return buffers + slice % STAGES * ((TILE_M + TILE_N) * SLICE); };
    auto fetch = [&](int slice) {
        if (slice < count) {
            a.copy(buffer(slice));
            b.copy(buffer(slice) + TILE_M * SLICE);
        }
        copyCommit(); // also where there is nothing left, so that the number of groups tells how many slices have come
    };
    for (int slice = 0; slice < STAGES - 1; slice++) {
        fetch(slice);
    }
    for (int slice = 0; slice < count; slice++) {
        copyWait<STAGES - 2>();
        arrived(buffer(slice));
        __syncthreads(); // every thread's part of this slice has come, and the slice before it is no longer read
        fetch(slice + STAGES - 1);
        sums.add(buffer(slice), buffer(slice) + TILE_M * SLICE);
    }
}

/** As above, with slices as they come. */
template <class A, class B>
DEVICE void multiply(A& a, B& b, Slices slices, Sums& sums) {
    auto nothing = [](T*) {};
    multiply(a, b, slices, sums, nothing);
}

/**
 * Adds up the sums of all splits of tile number `tile`, in ascending order, in the block that is the last to bring its own; whether this is the one,
 * which ends the work. The others are done.
 */
DEVICE bool addSplits(const Split& split, int tile, Sums& sums) {
    if (split.count == 1) {
        return true;
    }
    constexpr int PART = Sums::QUADS * THREADS;
    Quad* parts = reinterpret_cast<Quad*>(split.partials) + static_cast<i64>(tile) * split.count * PART + threadIdx.x;
#pragma unroll
    for (int i = 0; i < Sums::QUADS; i++) {
        parts[split.index * PART + i * THREADS] = sums.quad(i);
    }
    if (!isLastBlock(split.arrivals + tile, split.count)) {
        return false;
    }
    sums = Sums();
#pragma unroll 1
    for (int part = 0; part < split.count; part++) {
#pragma unroll
        for (int i = 0; i < Sums::QUADS; i++) {
            Quad more = parts[part * PART + i * THREADS];
#pragma unroll
            for (int j = 0; j < 4; j++) {
                sums.quad(i).at[j] += more.at[j];
            }
        }
    }
    return true;
}
