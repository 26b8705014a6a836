package dev.darkroom.cuda;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What a compiled kernel is for: {@code sm_80}, {@code sm_90a}.
 *
 * <p>An image for X.y runs on GPUs of capability X.z with z at least y, and on no other: 8.0 on 8.6, 8.7 and 8.9, but neither on 7.5 nor on 9.0. One for
 * an architecture's own features, with an "a", runs on exactly its capability. Source: CUDA C++ Programming Guide, "Binary Compatibility" and
 * "Architecture-Specific Features".
 *
 * @param capability  without the point
 * @param ownFeatures whether instructions are allowed that later GPUs do not have
 */
public record GpuArchitecture(int capability, boolean ownFeatures) {
    /** Those that ready-made images are built for. */
    public static final List<GpuArchitecture> READY_MADE = List.of(of(80), of(86), of(89), of(90), of(100), of(120));

    /** Those that kernels must compile for: Turing too, whose kernels are compiled where it is found. */
    public static final List<GpuArchitecture> ALL = List.of(of(75), of(80), of(86), of(89), of(90), of(100), of(120));

    /** How kernels are compiled for a GPU. Hopper has instructions of its own that pay; no other GPU has its capability. */
    public static GpuArchitecture of(int capability) {
        return new GpuArchitecture(capability, capability == 90);
    }

    /** Whether images for this run on a GPU. */
    public boolean runsOn(int gpu) {
        return ownFeatures ? gpu == capability : gpu / 10 == capability / 10 && gpu >= capability;
    }

    /** Those of {@link #READY_MADE} whose images run on a GPU, the nearest first. */
    public static List<GpuArchitecture> readyMadeFor(int gpu) {
        List<GpuArchitecture> fitting = new ArrayList<>();
        for (GpuArchitecture architecture : READY_MADE) {
            if (architecture.runsOn(gpu)) {
                fitting.add(0, architecture);
            }
        }
        return fitting;
    }

    /** The nearest to a GPU of those that a compiler knows, given as capabilities; nothing where it knows none that runs there. */
    static Optional<GpuArchitecture> nearest(int gpu, List<Integer> known) {
        return known.stream()
                .sorted((a, b) -> b - a)
                .map(GpuArchitecture::of)
                .filter(architecture -> architecture.runsOn(gpu))
                .findFirst();
    }

    /** As compilers take it. */
    @Override
    public String toString() {
        return "sm_" + capability + (ownFeatures ? "a" : "");
    }
}
