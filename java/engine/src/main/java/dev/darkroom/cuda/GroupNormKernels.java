package dev.darkroom.cuda;

import dev.darkroom.tensor.Affine;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;

/** Group normalisation: {@code kernels/groupnorm.cu}. */
final class GroupNormKernels {
    private static final int THREADS = 256;
    private static final int PIXELS_PER_CHUNK = 32;
    private static final int MOST_CHUNKS = 256;
    private static final int PACKS_PER_THREAD = 4;
    private static final int MOST_BLOCKS = 1024; // of an image: each merges all chunks' moments before it begins

    private final Modules modules;

    GroupNormKernels(Modules modules) {
        this.modules = modules;
    }

    /**
     * x [n, ..., c] normalised over each image's groups, then SiLU where asked → y.
     *
     * @param scope where the moments of parts may lie
     */
    void run(Scope scope, Tensor x, Affine affine, int groups, float epsilon, boolean silu, Tensor y) {
        if (x.shape().count() == 0) {
            return;
        }
        int images = x.dim(0);
        int channels = x.dim(-1);
        int pixels = Math.toIntExact(x.shape().rows() / images);
        int pixelsPerChunk = Math.max(PIXELS_PER_CHUNK, Grids.blocks(pixels, MOST_CHUNKS));
        int chunks = Grids.blocks(pixels, pixelsPerChunk);
        boolean vector = Grids.inPacks(
                x.address(), y.address(), (long) channels * x.dtype().bytes());
        int width = vector ? 16 / x.dtype().bytes() : 1;
        int lanes = Math.max(1, THREADS / (channels / width));
        try (Scope scratch = scope.child("moments")) {
            Tensor parts = scratch.allocate(Shape.of(images, groups, chunks, 2), DType.F32);
            kernel("moments", x.dtype(), vector, silu)
                    .tensor(x)
                    .tensor(parts)
                    .i32(pixels)
                    .i32(pixelsPerChunk)
                    .i32(channels)
                    .i32(groups)
                    .launch(chunks, images, 1, THREADS, Float.BYTES * (lanes * channels + 2 * groups));
            kernel("apply", x.dtype(), vector, silu)
                    .tensor(x)
                    .tensor(parts)
                    .tensor(affine.gain())
                    .tensor(affine.bias())
                    .tensor(y)
                    .i32(pixels)
                    .i32(pixelsPerChunk)
                    .i32(chunks)
                    .i32(channels)
                    .i32(groups)
                    .f32(epsilon)
                    .launch(
                            Math.min(
                                    MOST_BLOCKS,
                                    Grids.blocks((long) pixels * channels / width, THREADS * PACKS_PER_THREAD)),
                            images,
                            1,
                            THREADS,
                            Float.BYTES * 2 * groups);
        }
    }

    private Kernel kernel(String function, DType dtype, boolean vector, boolean silu) {
        return modules.kernel(
                "groupnorm.cu", function, "T=" + dtype, "VECTOR=" + (vector ? 1 : 0), "SILU=" + (silu ? 1 : 0));
    }
}
