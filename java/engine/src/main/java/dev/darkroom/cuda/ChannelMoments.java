package dev.darkroom.cuda;

import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * The moments of a map's channels, f32 [n, c, 2], as {@code kernels/moments.cuh} defines them: what a group normalisation needs to know of a map.
 *
 * <p>Products and convolutions leave them behind the maps that they compute, so that the normalisation that follows need not read
 * the map for them. They are a function of the map's values, with the same bits whoever takes them.
 */
final class ChannelMoments {
    /** Pixels that are summed at once; PART_PIXELS of {@code kernels/moments.cuh}. */
    static final int PART_PIXELS = 64;

    private static final int MOST_PARTS = 256; // of an image, merged by one block

    /** Results of fewer channels are latents and pictures, which nothing normalises. */
    private static final int FEWEST_CHANNELS = 16;

    private ChannelMoments() {}

    /** Pixels of a part of an image. */
    static int pixelsPerPart(int pixels) {
        return Math.max(PART_PIXELS, Grids.blocks(pixels, MOST_PARTS));
    }

    /** The moments of x [n, ..., c]. */
    static Shape shape(Tensor x) {
        return Shape.of(x.dim(0), x.dim(-1), 2);
    }

    /** Memory for the moments of the parts of x [n, ..., c]. */
    static Tensor parts(Scope scope, Tensor x) {
        int pixels = Math.toIntExact(x.shape().rows() / x.dim(0));
        return scope.allocate(Shape.of(x.dim(0), Grids.blocks(pixels, pixelsPerPart(pixels)), x.dim(-1), 2), DType.F32);
    }

    /** A tensor for the result of a product: with room for its moments if it is a map of which blocks that compute it can take them. */
    static Tensor allocate(Scope scope, Shape shape, DType dtype) {
        return canBeLeft(shape)
                ? scope.allocateWithTail(shape, dtype, Shape.of(shape.dim(0), shape.dim(-1), 2))
                : scope.allocate(shape, dtype);
    }

    /** The moments that were left behind x, or are to be; null where there are none. */
    static @Nullable Tensor of(Tensor x) {
        Tensor tail = x.tail();
        return tail != null && tail.shape().equals(shape(x)) ? tail : null;
    }

    /** Depends on the size of one image alone: its parts are whole, so that none lies in two images. */
    private static boolean canBeLeft(Shape shape) {
        if (shape.rank() != 4 || shape.count() == 0) {
            return false;
        }
        long pixels = (long) shape.dim(1) * shape.dim(2);
        return pixels % PART_PIXELS == 0
                && pixels <= (long) PART_PIXELS * MOST_PARTS
                && shape.dim(3) >= FEWEST_CHANNELS
                && shape.dim(3) % 2 == 0;
    }
}
