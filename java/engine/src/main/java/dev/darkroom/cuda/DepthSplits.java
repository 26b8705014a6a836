package dev.darkroom.cuda;

import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/** How the depth of matrix products with few results is split among blocks, so that they fill a GPU. */
final class DepthSplits {
    private static final int TILE = 64; // rows and columns of a tile of the usual size
    private static final int ENOUGH_BLOCKS = 256; // two for each multiprocessor of a large GPU
    private static final int LEAST_DEPTH = 512; // of a split, below which adding up takes longer than it saves

    private static final int SLICE_BYTES = 64; // of a row, which the main loop copies at once

    private DepthSplits() {}

    /** The parts that a depth can be split into at most, as {@code kernels/mainloop.cuh} has it. */
    static int slices(int depth, DType dtype) {
        return Math.max(1, (depth * dtype.bytes() + SLICE_BYTES - 1) / SLICE_BYTES);
    }

    /**
     * Into how many parts to split the depth. Depends on the size of one image alone, so that its sums are the same in every batch.
     *
     * @param rows of one image, of all its phases
     */
    static int count(long rows, int columns, int depth) {
        long tiles = ((rows + TILE - 1) / TILE) * ((columns + TILE - 1) / TILE);
        return (int) Math.max(1, Math.min(ENOUGH_BLOCKS / Math.max(1, tiles), depth / LEAST_DEPTH));
    }

    /** Memory for the partial sums of {@code tiles} tiles, as {@code kernels/mainloop.cuh} has them; null where the depth is not split. */
    static @Nullable Tensor partials(Scope scope, ProductTile tile, int tiles, int splits) {
        return splits == 1 ? null : scope.allocate(Shape.of(tiles, splits, tile.results()), DType.F32);
    }
}
