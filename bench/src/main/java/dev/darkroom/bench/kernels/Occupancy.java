package dev.darkroom.bench.kernels;

import dev.darkroom.cuda.KernelPlan.Launch;
import dev.darkroom.prebuild.KernelResources.Usage;
import org.jspecify.annotations.Nullable;

/**
 * How many blocks of a launch a multiprocessor holds at once, and in how many waves the grid passes over the GPU.
 *
 * <p>Source: the rules of NVIDIA's occupancy calculator: registers are given to warps in units of 256, warps in fours; shared memory in units of 128 bytes.
 *
 * @param blocks  of a multiprocessor
 * @param limit   what bounds them
 * @param warps   share of the warps that a multiprocessor can hold, 0 to 1
 * @param waves   grid over what the GPU holds at once
 * @param balance share of the multiprocessors' time that is used while each computes its blocks, 0 to 1: blocks over those of the busiest
 *                multiprocessor times multiprocessors
 */
record Occupancy(int blocks, String limit, double warps, double waves, double balance) {
    private static final int WARP = 32;
    private static final int REGISTERS = 65536;
    private static final int REGISTER_UNIT = 256;
    private static final int WARP_UNIT = 4;
    private static final int SHARED_UNIT = 128;

    /** @param usage of the function; null where it is not known, which leaves registers out of account */
    static Occupancy of(Gpu gpu, Launch launch, @Nullable Usage usage) {
        int warpsPerBlock = roundUp(launch.threads(), WARP) / WARP;
        int byThreads = gpu.mostThreads / (warpsPerBlock * WARP);
        int byRegisters = usage == null ? Integer.MAX_VALUE : byRegisters(usage.registers(), warpsPerBlock);
        int shared = roundUp(
                launch.sharedBytes() + (usage == null ? 0 : usage.sharedBytes()) + gpu.reservedBytes, SHARED_UNIT);
        int byShared = shared == 0 ? Integer.MAX_VALUE : gpu.sharedBytes / shared;
        int blocks = Math.min(Math.min(byThreads, gpu.mostBlocks), Math.min(byRegisters, byShared));
        String limit = blocks == byRegisters ? "registers" : blocks == byShared ? "shared memory" : "threads";
        long grid = (long) launch.x() * launch.y() * launch.z();
        long busiest = (grid + gpu.multiprocessors - 1) / gpu.multiprocessors;
        return new Occupancy(
                blocks,
                limit,
                blocks * warpsPerBlock * WARP / (double) gpu.mostThreads,
                grid / (double) Math.max(1, blocks * gpu.multiprocessors),
                grid / (double) Math.max(1, busiest * gpu.multiprocessors));
    }

    private static int byRegisters(int registers, int warpsPerBlock) {
        int perWarp = roundUp(registers * WARP, REGISTER_UNIT);
        int warps = REGISTERS / perWarp / WARP_UNIT * WARP_UNIT;
        return warps / warpsPerBlock;
    }

    private static int roundUp(int value, int unit) {
        return (value + unit - 1) / unit * unit;
    }
}
