package dev.darkroom.cuda.bind;

/** Versions of CUDA as the driver tells them: 1000 times the major and 10 times the minor version. */
final class CudaVersion {
    /** CUDA 12.0, the oldest whose calls we use and whose cubins we ship. */
    static final int OLDEST = 12_000;

    private CudaVersion() {}

    /** As people write it: 12.6 for 12060. */
    static String text(int version) {
        return version / 1000 + "." + version % 1000 / 10;
    }

    /** The oldest driver for a major version of CUDA, by NVIDIA's table of compatibility. */
    static String oldestDriver(int major) {
        return switch (major) {
            case 12 -> "525.60.13";
            case 13 -> "580";
            default -> throw new IllegalArgumentException("CUDA " + major + " is not known here");
        };
    }
}
