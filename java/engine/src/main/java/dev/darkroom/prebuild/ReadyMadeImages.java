package dev.darkroom.prebuild;

import dev.darkroom.cuda.GpuArchitecture;
import dev.darkroom.cuda.KernelVariant;
import dev.darkroom.cuda.OfflineCompiler;
import dev.darkroom.cuda.bind.Nvrtc;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

/** Compiles the kernels of the published models for all architectures into a folder of classes, which is packed into the jar. */
public final class ReadyMadeImages {
    private ReadyMadeImages() {}

    /** @param arguments the folder, then folders of further models */
    public static void main(String[] arguments) throws IOException {
        Path folder = Path.of(arguments[0]);
        PublishedModels models =
                new PublishedModels(Arrays.stream(arguments).skip(1).toList());
        long begun = System.nanoTime();
        Nvrtc nvrtc = Nvrtc.forOtherMachines();
        OfflineCompiler compiler = new OfflineCompiler(nvrtc);
        Map<Path, Runnable> missing = new HashMap<>();
        Set<Path> wanted = new HashSet<>();
        for (GpuArchitecture architecture : GpuArchitecture.READY_MADE) {
            for (KernelVariant variant : models.variants(architecture)) {
                Path file = folder.resolve(OfflineCompiler.resource(variant, architecture));
                if (wanted.add(file) && !Files.exists(file)) {
                    missing.put(file, () -> write(file, compiler.image(variant, architecture)));
                }
            }
        }
        Path version = folder.resolve(OfflineCompiler.versionResource());
        wanted.add(version);
        Files.createDirectories(version.resolveSibling(""));
        try (Stream<Path> kept = Files.list(version.resolveSibling(""))) {
            for (Path file : kept.filter(file -> !wanted.contains(file)).toList()) {
                Files.delete(file); // of another source
            }
        }
        missing.values().parallelStream().forEach(Runnable::run);
        write(version, nvrtc.version().getBytes(StandardCharsets.UTF_8));
        System.out.printf(
                "%d ready-made images, %d of them compiled by NVRTC %s in %d s%n",
                wanted.size() - 1, missing.size(), nvrtc.version(), (System.nanoTime() - begun) / 1_000_000_000L);
    }

    private static void write(Path file, byte[] bytes) {
        try {
            Files.write(file, bytes);
        } catch (IOException e) {
            throw new UncheckedIOException(file + " cannot be written", e);
        }
    }
}
