package dev.darkroom.portable;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/** Copies and deletes files with all that lies in them. */
final class Trees {
    /** What tools leave among sources. */
    private static final List<String> LEFTOVERS = List.of("__pycache__", "target");

    private Trees() {}

    /** @param copy must not exist; the folders above it are made */
    static void copy(Path original, Path copy) throws IOException {
        try (Stream<Path> paths = Files.walk(original)) {
            for (Path path : paths.toList()) { // folders come before what is in them
                Path relative = original.relativize(path);
                if (Stream.of(relative.toString().split("/")).anyMatch(LEFTOVERS::contains)) {
                    continue;
                }
                Path target = path.equals(original) ? copy : copy.resolve(relative);
                Files.createDirectories(target.getParent());
                Files.copy(path, target, StandardCopyOption.COPY_ATTRIBUTES, LinkOption.NOFOLLOW_LINKS);
            }
        }
    }

    /** Deletes a file or a folder; nothing where there is none. */
    static void delete(Path tree) throws IOException {
        if (!Files.exists(tree, LinkOption.NOFOLLOW_LINKS)) {
            return;
        }
        try (Stream<Path> paths = Files.walk(tree)) {
            for (Path path : paths.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        }
    }
}
