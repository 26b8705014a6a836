package dev.darkroom.cuda;

import dev.darkroom.tensor.Tensor;

/** Random numbers: {@code kernels/random.cu}. */
final class RandomKernels {
    private static final int THREADS = 256;

    private final Modules modules;

    RandomKernels(Modules modules) {
        this.modules = modules;
    }

    /** Standard normal numbers of streams i32 [n, 3] → y f32 [n, h, w, c]. */
    void normal(Tensor streams, Tensor y) {
        int images = y.dim(0);
        if (images > 0) {
            int pixels = Math.multiplyExact(y.dim(1), y.dim(2));
            int perImage = Math.multiplyExact(pixels, y.dim(3));
            modules.kernel("random.cu", "normal")
                    .tensor(streams)
                    .tensor(y)
                    .i32(images)
                    .i32(pixels)
                    .i32(y.dim(3))
                    .launch(Grids.blocks(perImage, THREADS), Math.min(images, Grids.MOST_Y), 1, THREADS, 0);
        }
    }
}
