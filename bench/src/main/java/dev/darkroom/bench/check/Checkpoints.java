package dev.darkroom.bench.check;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Full-size models with random weights, written when they are first needed and removed at the end: nothing is downloaded. */
final class Checkpoints {
    private static final long SPARE_BYTES = 1L << 30; // for what else the disk is needed for

    /** What the files of a model in f16 take. */
    private static final Map<String, Long> BYTES = Map.of("sd15", 2_140_000_000L, "sdxl", 6_950_000_000L);

    private final Path preferred;

    /** @param preferred where they go if there is room */
    Checkpoints(Path preferred) {
        this.preferred = preferred;
    }

    /**
     * A model, or the reason why there is none.
     *
     * @param folder of the model; meaningless where {@code absence} is not empty
     */
    record Checkpoint(Path folder, Outcome absence) {}

    private static final Outcome NONE = Outcome.passed("", List.of());

    /** Whether {@link Checkpoint#folder} can be used. */
    static boolean isThere(Checkpoint checkpoint) {
        return checkpoint.absence() == NONE;
    }

    /** The model {@code architecture}, such as sd15; a small one where shapes are short. */
    Checkpoint of(StageRun run, String architecture) throws IOException, InterruptedException {
        if (run.isShort()) {
            Path small = run.installation()
                    .root()
                    .resolve("tests/reference/checkpoints")
                    .resolve(architecture.equals("sdxl") ? "sdxl" : "sd1");
            String missing = run.missing(small);
            return new Checkpoint(small, missing.isEmpty() ? NONE : Outcome.skipped(missing));
        }
        Path folder = preferred.resolve(architecture);
        if (Files.exists(folder.resolve("model_index.json"))) {
            return new Checkpoint(folder, NONE);
        }
        Path parent = roomyFolder(BYTES.get(architecture) + SPARE_BYTES);
        if (parent == null) {
            return new Checkpoint(
                    folder,
                    Outcome.skipped(String.format(
                            Locale.ROOT,
                            "a model with random weights takes %.1f GB, and neither %s nor %s has room for it; name another disk with --out",
                            BYTES.get(architecture) / 1e9,
                            preferred,
                            temporary())));
        }
        return written(run, architecture, parent.resolve(architecture));
    }

    private Checkpoint written(StageRun run, String architecture, Path folder)
            throws IOException, InterruptedException {
        if (Files.exists(folder.resolve("model_index.json"))) {
            return new Checkpoint(folder, NONE);
        }
        delete(folder);
        Files.createDirectories(folder.getParent());
        ChildProcess.Ended ended = run.run(
                "synthesize",
                run.installation()
                        .java(
                                "dev.darkroom.tools.WeightsTools",
                                "synthesize",
                                "--arch",
                                architecture,
                                "-o",
                                folder.toString()));
        return new Checkpoint(folder, ended.isGood() ? NONE : run.failure("weights-tools synthesize", ended));
    }

    private @Nullable Path roomyFolder(long bytes) throws IOException {
        for (Path folder : new Path[] {preferred, temporary()}) {
            Path existing = folder;
            while (!Files.isDirectory(existing)) {
                existing = existing.getParent();
            }
            if (Files.getFileStore(existing).getUsableSpace() >= bytes) {
                return folder;
            }
        }
        return null;
    }

    /** A folder of this run among the temporary files. */
    private Path temporary() {
        return Path.of(System.getProperty("java.io.tmpdir"), "darkroom-gpu-check-" + ProcessHandle.current().pid());
    }

    /** Removes what was written. */
    void delete() {
        delete(preferred);
        delete(temporary());
    }

    /** Removes one model. */
    void delete(String architecture) {
        delete(preferred.resolve(architecture));
        delete(temporary().resolve(architecture));
    }

    private static void delete(Path folder) {
        if (!Files.exists(folder)) {
            return;
        }
        try {
            Files.walkFileTree(folder, new SimpleFileVisitor<>() {
                @Override
                public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                    Files.delete(file);
                    return FileVisitResult.CONTINUE;
                }

                @Override
                public FileVisitResult postVisitDirectory(Path visited, @Nullable IOException e)
                        throws IOException {
                    Files.delete(visited);
                    return FileVisitResult.CONTINUE;
                }
            });
        } catch (IOException e) {
            throw new UncheckedIOException(folder + " cannot be removed; remove it by hand", e);
        }
    }
}
