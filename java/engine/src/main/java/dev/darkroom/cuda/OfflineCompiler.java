package dev.darkroom.cuda;

import dev.darkroom.cuda.bind.Nvrtc;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Compiles kernels for GPUs that need not be there, as {@link KernelCompiler} does for the one that is. */
public final class OfflineCompiler {
    private final Nvrtc nvrtc;

    /** A compiler that is not bound to a device. */
    public OfflineCompiler(Nvrtc nvrtc) {
        this.nvrtc = nvrtc;
    }

    /** The image of a variant. */
    public byte[] image(KernelVariant variant, GpuArchitecture architecture) {
        return KernelCompiler.compile(
                        nvrtc, KernelSource.of(variant.file()), KernelCompiler.options(architecture, variant.defines()))
                .image();
    }

    /** What ptxas tells of the functions of a variant: registers, shared memory, spills. */
    public String report(KernelVariant variant, GpuArchitecture architecture) {
        List<String> options = new ArrayList<>(KernelCompiler.options(architecture, variant.defines()));
        options.add("--ptxas-options=-v");
        return KernelCompiler.compile(nvrtc, KernelSource.of(variant.file()), options)
                .log();
    }

    /** The resource in which a device looks for the image of a variant, by its content; it changes with the source. */
    public static String resource(KernelVariant variant, GpuArchitecture architecture) {
        return ReadyMadeCubins.FOLDER + "/"
                + ReadyMadeCubins.key(KernelSource.of(variant.file()), variant.defines(), architecture) + ".cubin";
    }

    /** The resource that holds the compiler's version, without which no ready-made image is used. */
    public static String versionResource() {
        return ReadyMadeCubins.FOLDER + "/" + ReadyMadeCubins.VERSION_FILE;
    }

    /** The version of NVRTC that compiled the ready-made images of this build; nothing where it has none. */
    public static Optional<String> readyMadeVersion() {
        return ReadyMadeCubins.of(OfflineCompiler.class.getClassLoader()).version();
    }

    /** A key of a variant's source, headers and choices, for every architecture. */
    public static String sourceKey(KernelVariant variant) {
        return KernelSource.of(variant.file()).key(variant.defines()).substring(0, 16);
    }
}
