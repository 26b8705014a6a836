package dev.darkroom.bench.kernels;

import dev.darkroom.cuda.GpuArchitecture;

/**
 * GPUs that kernels are predicted for.
 *
 * <p>Rates are the data sheets' for dense f16 with f32 sums and for memory, except those of the H200, which torch reached there (random data, a product of
 * 8192 x 8192 and a copy). What a multiprocessor holds: CUDA C++ Programming Guide, "Technical Specifications per Compute Capability".
 */
enum Gpu {
    /** 790 TFLOP/s and 4.3 TB/s were measured on one; Hopper's mma.sync reaches 62.9 % of its peak of 989 (Luo et al. 2024, arXiv 2402.13499). */
    H200(90, 132, 790, 622, 4.3, 1.98, 233472, 1024, 2048, 32),
    A100(80, 108, 312, 312, 2.039, 1.41, 167936, 1024, 2048, 32),
    RTX_3090(86, 82, 71, 71, 0.936, 1.70, 102400, 1024, 1536, 16),
    RTX_4090(89, 128, 165, 165, 1.008, 2.52, 102400, 1024, 1536, 24),
    RTX_5090(120, 170, 209, 209, 1.792, 2.41, 102400, 1024, 1536, 24),
    T4(75, 40, 65, 65, 0.320, 1.59, 65536, 0, 1024, 16);

    private static final int EXPONENTIALS_PER_CYCLE = 16; // of a multiprocessor

    final int capability;
    final int multiprocessors;
    /** The ceiling that shares are of, in FLOP/s. */
    final double matrixRate;
    /** What mma.sync, which our kernels use, can reach, in FLOP/s. */
    final double mmaRate;
    /** Bytes per second. */
    final double bandwidth;
    /** Exponentials per second. */
    final double exponentials;

    final int sharedBytes;
    final int reservedBytes;
    final int mostThreads;
    final int mostBlocks;

    /**
     * A GPU.
     *
     * @param teraflops     the ceiling
     * @param mmaTeraflops  of mma.sync
     * @param terabytes     per second
     * @param gigahertz     when boosted
     * @param sharedBytes   of a multiprocessor, for all its blocks
     * @param reservedBytes of these, taken by the system for each block
     * @param mostThreads   of a multiprocessor
     * @param mostBlocks    of a multiprocessor
     */
    Gpu(
            int capability,
            int multiprocessors,
            double teraflops,
            double mmaTeraflops,
            double terabytes,
            double gigahertz,
            int sharedBytes,
            int reservedBytes,
            int mostThreads,
            int mostBlocks) {
        this.capability = capability;
        this.multiprocessors = multiprocessors;
        this.matrixRate = 1e12 * teraflops;
        this.mmaRate = 1e12 * mmaTeraflops;
        this.bandwidth = 1e12 * terabytes;
        this.exponentials = 1e9 * gigahertz * EXPONENTIALS_PER_CYCLE * multiprocessors;
        this.sharedBytes = sharedBytes;
        this.reservedBytes = reservedBytes;
        this.mostThreads = mostThreads;
        this.mostBlocks = mostBlocks;
    }

    /** What its kernels are compiled for. */
    GpuArchitecture architecture() {
        return GpuArchitecture.of(capability);
    }
}
