package dev.darkroom.cuda;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;

/**
 * Images of kernels that were compiled when the jar was packaged ({@code mvn -Pcubins package}), resources of the class path.
 *
 * <p>Each lies under the key of everything that it was made of but the compiler: one of another source is not found. They serve drivers for the CUDA of
 * the compiler and newer; within a major version any minor one.
 */
final class ReadyMadeCubins {
    /** The folder in the jar. */
    static final String FOLDER = "cubins";
    /** The file in it that holds the version of the compiler. */
    static final String VERSION_FILE = "nvrtc-version";

    private final ClassLoader classes;
    private final String version;

    private ReadyMadeCubins(ClassLoader classes, String version) {
        this.classes = classes;
        this.version = version;
    }

    /** Those of this class path; there may be none. */
    static ReadyMadeCubins of(ClassLoader classes) {
        return new ReadyMadeCubins(
                classes,
                read(classes, VERSION_FILE)
                        .map(bytes -> new String(bytes, StandardCharsets.UTF_8).strip())
                        .orElse(""));
    }

    /** None: for a software device, whose images are of another kind. */
    static ReadyMadeCubins none() {
        return new ReadyMadeCubins(ClassLoader.getPlatformClassLoader(), "");
    }

    /** The name under which the image of a source lies. */
    static String key(KernelSource source, List<String> defines, GpuArchitecture architecture) {
        return source.key(KernelCompiler.options(architecture, defines));
    }

    /** The version of NVRTC that compiled them; nothing where there are none. */
    Optional<String> version() {
        return version.isEmpty() ? Optional.empty() : Optional.of(version);
    }

    /** Why none can be used with a driver for that CUDA (12060); empty where they can. */
    Optional<String> reasonAgainst(int driverVersion) {
        if (version.isEmpty()) {
            return Optional.of("this build has no ready-made kernels");
        }
        return major() > driverVersion / 1000
                ? Optional.of("the ready-made kernels are of CUDA " + version + ", the driver is for CUDA "
                        + driverVersion / 1000 + "." + driverVersion % 1000 / 10)
                : Optional.empty();
    }

    /** The image of a source that runs on a GPU, the one for the nearest architecture. */
    Optional<byte[]> find(KernelSource source, List<String> defines, int gpu) {
        return version.isEmpty()
                ? Optional.empty()
                : GpuArchitecture.readyMadeFor(gpu).stream()
                        .flatMap(architecture -> read(classes, key(source, defines, architecture) + ".cubin").stream())
                        .findFirst();
    }

    private int major() {
        return Integer.parseInt(version.replaceFirst("\\..*", ""));
    }

    private static Optional<byte[]> read(ClassLoader classes, String name) {
        try (InputStream in = classes.getResourceAsStream(FOLDER + "/" + name)) {
            return in == null ? Optional.empty() : Optional.of(in.readAllBytes());
        } catch (IOException e) {
            throw new UncheckedIOException("the ready-made kernel " + name + " cannot be read", e);
        }
    }
}
