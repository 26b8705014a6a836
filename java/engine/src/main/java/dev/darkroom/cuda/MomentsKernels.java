package dev.darkroom.cuda;

import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Tensor;

/** Takes the moments of maps that were not left by what computed them: {@code moments} of {@code kernels/groupnorm.cu}. */
final class MomentsKernels {
    private static final int THREADS = 256;
    private static final int LANES = 4; // PART_STRANDS of kernels/moments.cuh

    private final Modules modules;
    private final ArrivalCounters arrivals;

    MomentsKernels(Modules modules, ArrivalCounters arrivals) {
        this.modules = modules;
        this.arrivals = arrivals;
    }

    /** The moments of x: those that came with it, or else taken now. */
    Tensor of(Scope scratch, Tensor x) {
        Tensor known = ChannelMoments.of(x);
        if (known != null) {
            return known;
        }
        Tensor taken = scratch.allocate(ChannelMoments.shape(x), DType.F32);
        take(scratch, x, taken);
        return taken;
    }

    /** Takes those of a map that was computed by a library, where there is room for them behind it. */
    void leave(Scope scratch, Tensor x) {
        Tensor place = ChannelMoments.of(x);
        if (place != null) {
            take(scratch, x, place);
        }
    }

    private void take(Scope scratch, Tensor x, Tensor target) {
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
        modules.kernel("groupnorm.cu", "moments", "T=" + x.dtype(), "VECTOR=" + (vector ? 1 : 0), "SILU=0")
                .tensor(x)
                .tensor(parts)
                .tensor(target)
                .address(arrivals.address(images * slabs))
                .i32(pixels)
                .i32(pixelsPerPart)
                .i32(channels)
                .i32(lanes)
                .launch(parts.dim(1), images, slabs, THREADS, 0);
    }

    static int pixels(Tensor x) {
        return Math.toIntExact(x.shape().rows() / x.dim(0));
    }

    static boolean inPacks(Tensor x) {
        return Grids.inPacks(x.address(), (long) x.dim(-1) * x.dtype().bytes());
    }

    static int width(DType dtype, boolean vector) {
        return vector ? 16 / dtype.bytes() : 1;
    }
}
