package dev.darkroom.cuda.bind;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Reads folders that may not be there, or may not be ours to read: to a search both are empty. */
final class Folders {
    private Folders() {}

    /** The entries of {@code folder} whose names match the pattern {@code glob}, sorted by name. */
    static List<Path> entries(Path folder, String glob) {
        List<Path> found = new ArrayList<>();
        if (Files.isDirectory(folder) && Files.isReadable(folder)) {
            try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder, glob)) {
                entries.forEach(found::add);
            } catch (IOException e) {
                return List.of(); // went away while it was read
            }
        }
        found.sort(null);
        return found;
    }

    /** The path without links; {@code path} itself where it cannot be followed. */
    static Path real(Path path) {
        try {
            return path.toRealPath();
        } catch (IOException e) {
            return path.toAbsolutePath().normalize();
        }
    }

    /** The path as people read it: of what lies in a jar the jar's name too. */
    static String name(Path path) {
        return path.getFileSystem().equals(FileSystems.getDefault())
                ? path.toString()
                : path.toUri().toString();
    }
}
