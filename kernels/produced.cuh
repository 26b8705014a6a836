// Moments of the channels of a matrix product's result, taken by the blocks that compute it, so that a normalisation need not read it for them.
//
// Source    moments.cuh says what they are.
// Shapes    y [N · pixels, columns]; parts [N, pixels / PART_PIXELS, columns, 2], merged [N, columns, 2] float; arrivals [N, column tiles], 0 before
//           the launch and after it.
// Needs     pixels % PART_PIXELS == 0, columns even with tensor cores, and what mainloop.cuh asks for.
// Numerics  Of the values as y stores them.
// Schedule  A block keeps its tile of y in shared memory, where the slices were, so that a thread's sums are over when moments begin; a thread
//           takes those of a column of PART_PIXELS rows. The block that is last to bring a part of an image in a column of tiles merges all.
// Cost      TILE_M · TILE_N elements to shared memory and twice from there; in the last block 8 · pixels / PART_PIXELS bytes for each column, from
//           L2. Predicted, not measured: under 1 µs for each, of some 50 µs that a convolution of 64 x 64 pixels takes. One register more
//           at most, since the main loop needs the most. Nothing where `parts` is null but a barrier.
#pragma once

#include "mainloop.cuh"
#include "moments.cuh"

static_assert(TILE_M % PART_PIXELS == 0, "parts lie in one tile");

class ProducedMoments {
    static constexpr int PITCH = TILE_N + 16 / sizeof(T); // of the kept tile's rows, so that eight of them touch all banks once
    static_assert(TILE_M * PITCH <= RING, "the tile takes the place of the slices");

    float2* parts; // null: nobody asks for moments
    float2* merged;
    u32* arrivals;
    int pixels; // of an image
    T* tile;

  public:
    /** For all threads of a block, when its sums are done. */
    DEVICE ProducedMoments(float2* parts, float2* merged, u32* arrivals, int pixels)
        : parts(parts), merged(merged), arrivals(arrivals), pixels(pixels), tile(ring()) {
        __syncthreads(); // the last slice is no longer read
    }

    /** Keeps adjacent elements of the tile. */
    template <int WIDTH>
    DEVICE void keep(int row, int column, const Span<T, WIDTH>& stored) const {
        if (parts != nullptr) {
            *reinterpret_cast<Span<T, WIDTH>*>(tile + row * PITCH + column) = stored;
        }
    }

    /** Leaves the moments of the kept tile, which is all in y but for whole parts; merges those of an image in the last block. */
    DEVICE void leave(Tile at, int rows, int columns) const {
        if (parts == nullptr) {
            return;
        }
        __syncthreads();
        for (int i = threadIdx.x; i < TILE_M / PART_PIXELS * TILE_N; i += THREADS) {
            int row = i / TILE_N * PART_PIXELS;
            int column = i % TILE_N;
            if (at.row + row < rows && at.column + column < columns) {
                const T* first = tile + row * PITCH + column;
                i64 part = (at.row + row) / PART_PIXELS;
                parts[part * columns + at.column + column] = momentsOfPart([&](int pixel) { return toFloat(first[pixel * PITCH]); });
            }
        }
        int partsPerImage = pixels / PART_PIXELS;
        int across = (columns + TILE_N - 1) / TILE_N;
#pragma unroll 1
        for (int row = at.row; row < min(at.row + TILE_M, rows); row += PART_PIXELS) {
            int image = row / pixels;
            if (isLastBlock(arrivals + image * across + at.column / TILE_N, partsPerImage)) {
                mergeImage(image, at.column, columns);
            }
        }
    }

  private:
    DEVICE void mergeImage(i64 image, int firstColumn, int columns) const {
        for (int column = firstColumn + threadIdx.x; column < min(firstColumn + TILE_N, columns); column += THREADS) {
            merged[image * columns + column] = mergeParts(parts + image * (pixels / PART_PIXELS) * columns + column, columns, pixels, PART_PIXELS);
        }
    }
};
