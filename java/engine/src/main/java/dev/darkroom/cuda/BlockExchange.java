package dev.darkroom.cuda;

import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * What the blocks of one matrix product leave for each other: sums of a split depth ({@code kernels/mainloop.cuh}), moments of the result
 * ({@code kernels/produced.cuh}), and how many have left theirs.
 *
 * @param partials    null where the depth is not split
 * @param momentParts null, as are the moments, where none are taken
 */
record BlockExchange(
        @Nullable Tensor partials,
        long arrivals,
        @Nullable Tensor momentParts,
        @Nullable Tensor moments,
        long momentArrivals) {
    /**
     * For {@code tiles} tiles, each of {@code splits} blocks.
     *
     * @param scratch where what is not the result's may lie
     * @param map     the result, whose moments are taken if there is room for them behind it; null for a result that is none
     */
    static BlockExchange of(
            Scope scratch, ArrivalCounters counters, ProductTile tile, int tiles, int splits, @Nullable Tensor map) {
        Tensor moments = map == null ? null : ChannelMoments.of(map);
        Tensor parts = map == null || moments == null ? null : ChannelMoments.parts(scratch, map);
        int more = map == null || moments == null ? 0 : map.dim(0) * tile.across(map.dim(-1));
        long arrivals = counters.address(tiles + more);
        return new BlockExchange(
                DepthSplits.partials(scratch, tile, tiles, splits),
                arrivals,
                parts,
                moments,
                arrivals + (long) Integer.BYTES * tiles);
    }

    /** These as a kernel's next arguments. */
    Kernel passTo(Kernel kernel) {
        return kernel.tensor(partials)
                .address(arrivals)
                .tensor(momentParts)
                .tensor(moments)
                .address(momentArrivals);
    }
}
