package dev.darkroom.image;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/** Lists the pictures of a folder, told by their names. */
public final class PictureFolder {
    private PictureFolder() {}

    /**
     * The PNG and JPEG files that lie in {@code folder} itself, in the order of their names.
     *
     * @throws ImageException when it is no folder, cannot be read, or has none
     */
    public static List<Path> list(Path folder) {
        if (!Files.isDirectory(folder)) {
            throw new ImageException(folder + (Files.exists(folder) ? " is not a folder" : ": there is no such folder"));
        }
        try (Stream<Path> files = Files.list(folder)) {
            List<Path> pictures = files.filter(PictureFolder::isPicture).sorted().toList();
            if (pictures.isEmpty()) {
                throw new ImageException(folder + " has no pictures: no file in it ends in .png, .jpg or .jpeg");
            }
            return pictures;
        } catch (IOException e) {
            throw new ImageException(folder + " cannot be read: " + e.getMessage(), e);
        }
    }

    private static boolean isPicture(Path file) {
        return file.toString().toLowerCase(Locale.ROOT).matches("(?s).*\\.(png|jpe?g)") && Files.isRegularFile(file);
    }
}
