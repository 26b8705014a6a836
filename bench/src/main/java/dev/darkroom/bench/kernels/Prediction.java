package dev.darkroom.bench.kernels;

import dev.darkroom.bench.kernels.OpCall.Kind;
import dev.darkroom.cuda.KernelPlan.Launch;
import dev.darkroom.prebuild.KernelResources.Usage;
import dev.darkroom.tensor.Shape;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What an operation should take on a GPU by counting; nothing of it was measured.
 *
 * <p>The time is the larger of two, and 2 us for each launch:
 *
 * <ul>
 *   <li>arithmetic, whole tiles of it, at the rate of mma.sync times the tile's share (results over results and the loads of its rows and columns, the rule by
 *       which {@code ProductTile} chooses), times the balance of blocks over multiprocessors, times resident warps over the eight that keep tensor
 *       cores busy; for attention the exponentials are added, as nothing overlaps them on purpose;
 *   <li>bytes, each moved once, at 92 % of a copy's rate, times multiprocessors that have work. What is launched before the last kernel of an operation
 *       reads the first operand once more.
 * </ul>
 *
 * @param main         the launch that does the operation's arithmetic, or the last
 * @param microseconds predicted
 * @param floor        in microseconds: arithmetic at the ceiling or bytes at the copy's rate, whichever is longer
 * @param known        whether the registers of all functions were known
 */
record Prediction(
        OpCall call,
        List<Launch> launches,
        Launch main,
        Occupancy occupancy,
        double microseconds,
        double floor,
        boolean known) {
    private static final double LAUNCH_MICROSECONDS = 2;
    private static final double SHARE_OF_COPY = 0.92;
    private static final double BUSY_WARPS = 8;
    private static final int RESULTS_PER_ROW = 32; // as ProductTile weighs loads
    private static final int QUERIES = 64; // of a block of attention
    private static final double OVERLAPPED = 0.85; // of attention's arithmetic; the rest waits for loads and barriers
    private static final Pattern DEFINE = Pattern.compile("([A-Z_]+)=(\\d+)");

    /** What is known of a function that is launched. */
    @FunctionalInterface
    interface Resources {
        @org.jspecify.annotations.Nullable
        Usage of(Launch launch);
    }

    /** @param launches of the call, in order */
    static Prediction of(Gpu gpu, OpCall call, List<Launch> launches, Resources resources) {
        Launch main = launches.stream()
                .filter(launch -> computes(launch.variant().file()))
                .reduce((first, second) -> second)
                .orElse(launches.get(launches.size() - 1));
        Occupancy occupancy = Occupancy.of(gpu, main, resources.of(main));
        double arithmetic = computes(main.variant().file()) ? arithmetic(gpu, call, launches, main, occupancy) : 0;
        long again = (launches.size() - 1) * bytesOf(call.input(), call);
        double busy = Math.min(1, blocks(main) / (double) gpu.multiprocessors);
        double memory = (call.bytes() + again) / (gpu.bandwidth * SHARE_OF_COPY * busy);
        return new Prediction(
                call,
                launches,
                main,
                occupancy,
                1e6 * Math.max(arithmetic, memory) + LAUNCH_MICROSECONDS * launches.size(),
                1e6 * Math.max(call.flops() / gpu.matrixRate, call.bytes() / gpu.bandwidth),
                launches.stream().allMatch(launch -> resources.of(launch) != null));
    }

    /** Of the ceiling that bounds it, 0 to 1. */
    double share() {
        return floor / microseconds;
    }

    private static boolean computes(String file) {
        return file.startsWith("gemm") || file.startsWith("convolution") || file.startsWith("attention");
    }

    /** Seconds of arithmetic. */
    private static double arithmetic(Gpu gpu, OpCall call, List<Launch> launches, Launch main, Occupancy occupancy) {
        double used = occupancy.balance() * Math.min(1, residentWarps(gpu, main, occupancy) / BUSY_WARPS);
        if (call.kind() == Kind.ATTENTION) {
            return attention(gpu, call, main) / (used * OVERLAPPED);
        }
        int rows = define(main, "TILE_M", 64);
        int columns = define(main, "TILE_N", 64);
        double share = rows * columns / (double) (rows * columns + RESULTS_PER_ROW * (rows + columns));
        double rate = define(main, "TENSOR_CORES", 1) == 1 ? gpu.mmaRate : gpu.mmaRate / 16;
        double flops = 0;
        for (Launch launch : launches) {
            flops += computes(launch.variant().file()) ? flops(call, launch) : 0;
        }
        return flops / (rate * share * used);
    }

    /** Operations of whole tiles. */
    private static double flops(OpCall call, Launch launch) {
        double wanted = call.flops();
        double results = results(call);
        double tiles = (double) launch.x() * define(launch, "TILE_M", 64) * define(launch, "TILE_N", 64);
        if (call.operation().equals("upsampleConv2d") && launch.z() % 4 == 0) {
            wanted *= 4 / 9.0; // by phases: four kernels of 2 x 2 on the small map
            tiles *= 4;
        }
        return wanted * Math.max(1, tiles / results);
    }

    /** Elements that the product of a call computes, before GEGLU halves them. */
    private static double results(OpCall call) {
        double depth = 1;
        for (Operand operand : call.operands()) {
            if (operand instanceof Operand.OfLinear weight) {
                depth = weight.shape().dim(1);
            } else if (operand instanceof Operand.OfConvolution weight) {
                depth = weight.shape().count() / (double) weight.shape().dim(0);
            } else if (operand instanceof Operand.OfArray array
                    && array.parts().get(0) instanceof Operand.OfLinear weight) {
                depth = weight.shape().dim(1);
            }
        }
        return call.flops() / (2 * depth);
    }

    /** Seconds of attention's products and exponentials, with whole tiles of queries and keys. */
    private static double attention(Gpu gpu, OpCall call, Launch main) {
        Shape q = call.input();
        Shape k = ((Operand.OfTensor) call.operands().get(1)).shape();
        int heads = ((Number) ((Operand.OfValue) call.operands().get(3)).value()).intValue();
        int keys = define(main, "KEYS", 16);
        double pairs = (double) q.dim(0) * heads * roundUp(q.dim(1), QUERIES) * roundUp(k.dim(1), keys);
        int width = roundUp(q.dim(2) / heads, 16);
        boolean matrix = !main.variant().file().equals("attention_general.cu");
        return 4 * pairs * width / (matrix ? gpu.mmaRate : gpu.mmaRate / 16) + pairs / gpu.exponentials;
    }

    private static double residentWarps(Gpu gpu, Launch launch, Occupancy occupancy) {
        double perMultiprocessor = Math.ceil(blocks(launch) / (double) gpu.multiprocessors);
        return Math.min(occupancy.blocks(), perMultiprocessor) * launch.threads() / 32;
    }

    private static long blocks(Launch launch) {
        return (long) launch.x() * launch.y() * launch.z();
    }

    private static long bytesOf(Shape shape, OpCall call) {
        boolean wide = call.id().contains("f32[");
        return shape.count() * (wide ? 4 : 2);
    }

    private static int define(Launch launch, String name, int otherwise) {
        for (String define : launch.variant().defines()) {
            Matcher matcher = DEFINE.matcher(define);
            if (matcher.matches() && matcher.group(1).equals(name)) {
                return Integer.parseInt(matcher.group(2));
            }
        }
        return otherwise;
    }

    private static int roundUp(int value, int unit) {
        return (value + unit - 1) / unit * unit;
    }
}
