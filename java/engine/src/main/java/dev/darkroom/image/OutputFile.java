package dev.darkroom.image;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/** Writes files whole or not at all: into a temporary file beside the target, which then takes its name. */
public final class OutputFile {
    private OutputFile() {}

    /**
     * Fails unless {@code file} could be written now; leaves nothing behind.
     *
     * @throws ImageException naming the file and what stands in the way
     */
    public static void check(Path file) {
        try {
            if (Files.isDirectory(file)) {
                throw new ImageException(file + " is a folder; give the name of a file in it");
            }
            Files.delete(temporary(file));
        } catch (IOException e) {
            throw unwritable(file, e);
        }
    }

    /**
     * Writes {@code content} to {@code file}.
     *
     * @throws ImageException when it cannot be written; nothing is left behind then, and a file of that name stays as it was
     */
    public static void write(Path file, byte[] content) {
        Path temporary = null;
        try {
            temporary = temporary(file);
            Files.write(temporary, content);
            Files.move(temporary, file, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            ImageException failure = unwritable(file, e);
            try {
                if (temporary != null) {
                    Files.deleteIfExists(temporary);
                }
            } catch (IOException left) {
                failure.addSuppressed(left);
            }
            throw failure;
        }
    }

    private static Path temporary(Path file) throws IOException {
        Path folder = file.toAbsolutePath().getParent();
        return Files.createTempFile(folder, "." + file.getFileName() + ".", ".part");
    }

    private static ImageException unwritable(Path file, IOException e) {
        String why = e instanceof NoSuchFileException ? "its folder does not exist" : String.valueOf(e.getMessage());
        return new ImageException(
                file + " cannot be written: " + why + ". Give another place with -o, or make room there", e);
    }
}
