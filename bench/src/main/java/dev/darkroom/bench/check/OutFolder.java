package dev.darkroom.bench.check;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Where a run may write: its own folder, and the user's cache. */
final class OutFolder {
    private OutFolder() {}

    /**
     * Makes the folder of a run.
     *
     * @param asked by the user, which must work; null for {@code name} in the current folder or, where nothing can be written there, among the temporary
     *              files, which {@code tell} is told
     * @throws IllegalArgumentException when there is no folder to write to
     */
    static Path make(@Nullable String asked, String name, Consumer<String> tell) {
        if (asked != null) {
            return made(Path.of(asked).toAbsolutePath());
        }
        try {
            return made(Path.of(name).toAbsolutePath());
        } catch (IllegalArgumentException readOnly) {
            Path other = Path.of(System.getProperty("java.io.tmpdir"), name);
            tell.accept(readOnly.getMessage() + "; writing to " + other);
            return made(other);
        }
    }

    private static Path made(Path folder) {
        try {
            Files.createDirectories(folder.resolve("logs"));
            tryWriting(folder);
            return folder;
        } catch (IOException e) {
            throw new IllegalArgumentException(folder + " cannot be written to (" + e + ")", e);
        }
    }

    private static void tryWriting(Path folder) throws IOException {
        Files.delete(Files.createTempFile(folder, "trial", ".tmp"));
    }

    /** The folder in which the engine keeps what may be deleted at any time. */
    static Path cache() {
        String configured = System.getenv("XDG_CACHE_HOME");
        Path caches = configured == null || configured.isEmpty()
                ? Path.of(System.getProperty("user.home"), ".cache")
                : Path.of(configured);
        return caches.resolve("darkroom");
    }

    /** Why a folder cannot be written to; empty where it can. Makes it. */
    static String problem(Path folder) {
        try {
            Files.createDirectories(folder);
            tryWriting(folder);
            return "";
        } catch (IOException e) {
            return folder + " cannot be written to (" + e + ")";
        }
    }
}
