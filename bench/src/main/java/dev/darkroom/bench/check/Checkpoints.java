package dev.darkroom.bench.check;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Full-size models with random weights, written when they are first needed and removed at the end: nothing is downloaded. */
final class Checkpoints {
    private static final long SPARE_BYTES = 1L << 30; // for what else the disk is needed for

    private final Path preferred;
    private final Map<String, Path> whole = new HashMap<>();

    /** @param preferred where they go if there is room */
    Checkpoints(Path preferred) {
        this.preferred = preferred;
    }

    /**
     * A model, or the reason why there is none.
     *
     * @param absence null where {@code folder} holds the model
     */
    record Checkpoint(Path folder, @Nullable Outcome absence) {}

    /** The model {@code architecture}, such as sd15; a small one where shapes are short. */
    Checkpoint of(StageRun run, String architecture) throws IOException, InterruptedException {
        if (run.isShort()) {
            Path small = run.installation()
                    .root()
                    .resolve("tests/reference/checkpoints")
                    .resolve(architecture.equals("sdxl") ? "sdxl" : "sd1");
            String missing = run.missing(small);
            return new Checkpoint(small, missing.isEmpty() ? null : Outcome.skipped(missing));
        }
        Path written = whole.get(architecture);
        if (written != null) {
            return new Checkpoint(written, null);
        }
        long bytes = bytes(architecture);
        Path parent = roomyFolder(bytes + SPARE_BYTES);
        if (parent == null) {
            return new Checkpoint(
                    preferred,
                    Outcome.skipped(String.format(
                            Locale.ROOT,
                            "a model with random weights takes %.1f GB, and neither %s nor %s has room for it; name another disk with --out",
                            bytes / 1e9,
                            preferred,
                            temporary())));
        }
        return written(run, architecture, parent);
    }

    /** What the files of a model in f16 take. */
    private static long bytes(String architecture) {
        return architecture.equals("sdxl") ? 6_950_000_000L : 2_140_000_000L;
    }

    private Checkpoint written(StageRun run, String architecture, Path parent)
            throws IOException, InterruptedException {
        Path folder = parent.resolve(architecture);
        delete(folder); // what a stage before could not end
        Files.createDirectories(parent);
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
        if (ended.isGood()) {
            whole.put(architecture, folder);
        }
        return new Checkpoint(folder, ended.isGood() ? null : run.failure("weights-tools synthesize", ended));
    }

    private @Nullable Path roomyFolder(long bytes) throws IOException {
        for (Path folder : new Path[] {preferred, temporary()}) {
            Path existing = folder.toAbsolutePath();
            for (Path parent = existing; parent != null && !Files.isDirectory(existing); parent = parent.getParent()) {
                existing = parent;
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
