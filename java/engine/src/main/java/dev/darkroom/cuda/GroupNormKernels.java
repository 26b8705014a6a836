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
    private static final int LANES = 4; // PART_STRANDS of kernels/moments.cuh

    private final Modules modules;
    private final ArrivalCounters arrivals;

    /** What is done to a map besides its gain and bias. */
    record Form(int groups, float epsilon, boolean silu) {}

    GroupNormKernels(Modules modules, ArrivalCounters arrivals) {
        this.modules = modules;
        this.arrivals = arrivals;
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
        int pixels = pixels(y);
        boolean vector = inPacks(a) && inPacks(y) && (b == null || inPacks(b));
        long packs = (long) pixels * channels / width(y.dtype(), vector);
        try (Scope scratch = scope.child("moments")) {
            Tensor momentsOfA = moments(scratch, a);
            Tensor momentsOfB = b == null ? null : moments(scratch, b);
            kernel("apply", y.dtype(), vector, form.silu)
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

    /** The moments of x: those that came with it, or else taken now. */
    private Tensor moments(Scope scratch, Tensor x) {
        Tensor known = ChannelMoments.of(x);
        if (known != null) {
            return known;
        }
        int images = x.dim(0);
        int channels = x.dim(-1);
        int pixels = pixels(x);
        int pixelsPerPart = ChannelMoments.pixelsPerPart(pixels);
        boolean vector = inPacks(x);
        int columns = Grids.blocks(channels, width(x.dtype(), vector));
        int lanes = pixelsPerPart == ChannelMoments.PART_PIXELS
                ? LANES
                : Math.max(LANES, Integer.highestOneBit(Math.max(1, THREADS / columns)));
        int slabs = Grids.blocks(columns, THREADS / lanes);
        Tensor parts = ChannelMoments.parts(scratch, x);
        Tensor merged = scratch.allocate(ChannelMoments.shape(x), DType.F32);
        kernel("moments", x.dtype(), vector, false)
                .tensor(x)
                .tensor(parts)
                .tensor(merged)
                .address(arrivals.address(images * slabs))
                .i32(pixels)
                .i32(pixelsPerPart)
                .i32(channels)
                .i32(lanes)
                .launch(parts.dim(1), images, slabs, THREADS, 0);
        return merged;
    }

    /** For an image of so many packs: all multiprocessors first, then work enough for each thread. */
    private int blocks(long packs) {
        int busy = Math.min(modules.gpu().multiprocessors(), Grids.blocks(packs, THREADS));
        return Math.min(MOST_BLOCKS, Math.max(busy, Grids.blocks(packs, THREADS * PACKS_PER_THREAD)));
    }

    private static int pixels(Tensor x) {
        return Math.toIntExact(x.shape().rows() / x.dim(0));
    }

    private static boolean inPacks(Tensor x) {
        return Grids.inPacks(x.address(), (long) x.dim(-1) * x.dtype().bytes());
    }

    private static int width(DType dtype, boolean vector) {
        return vector ? 16 / dtype.bytes() : 1;
    }

    private Kernel kernel(String function, DType dtype, boolean vector, boolean silu) {
        return modules.kernel(
                "groupnorm.cu", function, "T=" + dtype, "VECTOR=" + (vector ? 1 : 0), "SILU=" + (silu ? 1 : 0));
    }
}
