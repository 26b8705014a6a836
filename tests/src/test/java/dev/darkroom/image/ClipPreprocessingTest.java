package dev.darkroom.image;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.darkroom.image.ClipPreprocessing.Channels;
import dev.darkroom.image.ClipPreprocessing.Resize;
import dev.darkroom.image.ClipPreprocessing.Size;
import dev.darkroom.weights.ReferenceFiles;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Pictures as CLIP's image encoder takes them; against the reference they are compared by {@code verify}'s group clip. */
final class ClipPreprocessingTest {
    private static final Channels ZERO = new Channels(0, 0, 0);
    private static final Channels ONE = new Channels(1, 1, 1);

    private static ClipPreprocessing preparing(Optional<Resize> resize, Optional<Size> crop) {
        return new ClipPreprocessing(resize, crop, 1 / 255.0, ZERO, ONE);
    }

    private static Resize shortest(int edge) {
        return new Resize(edge, new Size(edge, edge), Resampling.BICUBIC);
    }

    private static Picture random(int width, int height) {
        byte[] rgb = new byte[width * height * 3];
        new Random(width * 31L + height).nextBytes(rgb);
        return new Picture(width, height, rgb);
    }

    @Test
    void bicubicIsPillowsBitByBit() {
        Picture source = PictureReader.read(ReferenceFiles.ofWholeSet("clip/image_224.png"));
        Picture expected = PictureReader.read(ReferenceFiles.ofWholeSet("clip/image_224_expected.png"));
        assertEquals(
                expected,
                preparing(Optional.of(shortest(224)), Optional.of(new Size(224, 224)))
                        .crop(source));
    }

    /** transformers pads with zeros to the larger of both sizes, ⌈half⌉ of them before, and then cuts. */
    @Test
    void theMiddleIsThatOfTransformersAlsoWhereThePictureIsSmaller() {
        for (int[] sizes :
                new int[][] {{7, 5, 4, 4}, {8, 8, 5, 3}, {3, 3, 4, 4}, {10, 3, 4, 4}, {3, 10, 7, 5}, {1, 1, 8, 7}}) {
            Picture picture = random(sizes[0], sizes[1]);
            int width = sizes[2];
            int height = sizes[3];
            int left = (int) Math.ceil((Math.max(width, sizes[0]) - sizes[0]) / 2.0);
            int top = (int) Math.ceil((Math.max(height, sizes[1]) - sizes[1]) / 2.0);
            int x0 = Math.floorDiv(sizes[0] - width, 2) + left; // in the padded picture
            int y0 = Math.floorDiv(sizes[1] - height, 2) + top;
            Picture cropped = preparing(Optional.empty(), Optional.of(new Size(width, height)))
                    .crop(picture);
            for (int y = 0; y < height; y++) {
                for (int x = 0; x < width; x++) {
                    int sourceX = x + x0 - left;
                    int sourceY = y + y0 - top;
                    boolean inside = sourceX >= 0 && sourceX < sizes[0] && sourceY >= 0 && sourceY < sizes[1];
                    assertEquals(
                            inside ? picture.at(sourceX, sourceY, 1) : 0,
                            cropped.at(x, y, 1),
                            picture + " at " + x + ", " + y);
                }
            }
        }
    }

    @Test
    void theLongEdgeIsRoundedDownAndAnExactSizeIgnoresProportions() {
        ClipPreprocessing byShortest = preparing(Optional.of(shortest(5)), Optional.empty());
        assertEquals("picture of 5 x 8", byShortest.crop(random(13, 21)).toString()); // 8.08
        assertEquals("picture of 9 x 5", byShortest.crop(random(39, 20)).toString()); // 9.75
        Resize exact = new Resize(0, new Size(6, 4), Resampling.BILINEAR);
        assertEquals(
                "picture of 6 x 4",
                preparing(Optional.of(exact), Optional.empty())
                        .crop(random(9, 30))
                        .toString());
    }

    @Test
    void numbersAreNormalisedByChannel() {
        Picture picture = new Picture(2, 1, new byte[] {0, 51, (byte) 255, (byte) 255, 0, 102});
        ClipPreprocessing each = new ClipPreprocessing(
                Optional.empty(), Optional.empty(), 1 / 255.0, new Channels(0, 0.2f, 0.5f), new Channels(1, 2, 0.25f));
        assertArrayEquals(new float[] {0, 0, 2, 1, -0.1f, -0.4f}, each.normalise(picture), 1e-6f);
    }

    @Test
    void aPictureTooElongatedToResizeIsRefused() {
        Picture strip = new Picture(1, 200_000, new byte[600_000]);
        String message = String.valueOf(
                assertThrows(ImageException.class, () -> preparing(Optional.of(shortest(224)), Optional.empty())
                                .crop(strip))
                        .getMessage());
        assertTrue(message.contains("1 x 200000 pixels is too elongated"), message);
    }

    @Test
    void aFolderListsItsPicturesByNameAndSaysWhenItHasNone(@TempDir Path folder) throws Exception {
        assertTrue(refusal(folder).contains("has no pictures"), refusal(folder));
        Path nowhere = folder.resolve("none");
        assertTrue(refusal(nowhere).contains("there is no such folder"), refusal(nowhere));
        for (String name : new String[] {"b.PNG", "a.jpeg", "c.txt"}) {
            Files.createFile(folder.resolve(name));
        }
        Files.createDirectory(folder.resolve("d.png"));
        assertEquals(
                "[a.jpeg, b.PNG]",
                PictureFolder.list(folder).stream()
                        .map(Path::getFileName)
                        .toList()
                        .toString());
    }

    private static String refusal(Path folder) {
        return String.valueOf(assertThrows(ImageException.class, () -> PictureFolder.list(folder))
                .getMessage());
    }
}
