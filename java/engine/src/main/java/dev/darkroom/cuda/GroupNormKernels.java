package dev.darkroom.cuda;

import dev.darkroom.tensor.Affine;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/** Group normalisation: {@code kernels/groupnorm.cu}. */
final class GroupNormKernels {
    private static final int THREADS = 256;
    private static final int PACKS_PER_THREAD = 4; // where there are enough for all multiprocessors
    private static final int MOST_BLOCKS = 1024; // of an image: each merges its channels before it begins

    private final Modules modules;
    private final MomentsKernels moments;

    /** What is done to a map besides its gain and bias. */
    record Form(int groups, float epsilon, boolean silu) {}

    GroupNormKernels(Modules modules, MomentsKernels moments) {
        this.modules = modules;
        this.moments = moments;
    }

    /**
     * The channels of a [n, ..., p] and those of b [n, ..., c - p], where there is a b, normalised over each image's groups → y [n, ..., c].
     *
     * @param scope where moments may lie
     */
    void run(Scope scope, Tensor a, @Nullable Tensor b, Affine affine, Form form, Tensor y) {
        if (y.shape().count() == 0) {
            return;
        }
        int images = y.dim(0);
        int channels = y.dim(-1);
        int pixels = MomentsKernels.pixels(y);
        boolean vector =
                MomentsKernels.inPacks(a) && MomentsKernels.inPacks(y) && (b == null || MomentsKernels.inPacks(b));
        long packs = (long) pixels * channels / MomentsKernels.width(y.dtype(), vector);
        try (Scope scratch = scope.child("moments")) {
            Tensor momentsOfA = moments.of(scratch, a);
            Tensor momentsOfB = b == null ? null : moments.of(scratch, b);
            kernel(y.dtype(), vector, form.silu)
                    .tensor(a)
                    .tensor(b)
                    .tensor(momentsOfA)
                    .tensor(momentsOfB)
                    .tensor(affine.gain())
                    .tensor(affine.bias())
                    .tensor(y)
                    .i32(pixels)
                    .i32(a.dim(-1))
                    .i32(b == null ? 0 : b.dim(-1))
                    .i32(form.groups)
                    .f32(form.epsilon)
                    .launch(blocks(packs), images, 1, THREADS, 2 * Float.BYTES * (channels + form.groups));
        }
    }

    /** For an image of so many packs: all multiprocessors first, then work enough for each thread. */
    private int blocks(long packs) {
        int busy = Math.min(modules.gpu().multiprocessors(), Grids.blocks(packs, THREADS));
        return Math.min(MOST_BLOCKS, Math.max(busy, Grids.blocks(packs, THREADS * PACKS_PER_THREAD)));
    }

    private Kernel kernel(DType dtype, boolean vector, boolean silu) {
        return modules.kernel(
                "groupnorm.cu", "apply", "T=" + dtype, "VECTOR=" + (vector ? 1 : 0), "SILU=" + (silu ? 1 : 0));
    }
}
