package dev.darkroom.image;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Pictures from and to files. */
final class PictureTest {
    @TempDir
    private Path folder = Path.of("");

    private static Picture random(int width, int height) {
        byte[] rgb = new byte[width * height * 3];
        new Random(1).nextBytes(rgb);
        return new Picture(width, height, rgb);
    }

    @Test
    void whatIsWrittenAnotherReaderReads() throws Exception {
        for (int[] size : new int[][] {{1, 1}, {7, 3}, {64, 65}}) {
            Picture picture = random(size[0], size[1]);
            byte[] png = PngWriter.encode(picture, Map.of());
            BufferedImage other = ImageIO.read(new ByteArrayInputStream(png));
            for (int y = 0; y < size[1]; y++) {
                for (int x = 0; x < size[0]; x++) {
                    int rgb = picture.at(x, y, 0) << 16 | picture.at(x, y, 1) << 8 | picture.at(x, y, 2);
                    assertEquals(rgb, other.getRGB(x, y) & 0xFFFFFF);
                }
            }
            assertEquals(picture, PictureReader.read(png, "png"));
        }
    }

    @Test
    void jpegAndOtherKindsOfPngAreReadAsRgb() throws Exception {
        BufferedImage gray = new BufferedImage(5, 4, BufferedImage.TYPE_BYTE_GRAY);
        gray.getRaster().setSample(2, 1, 0, 200);
        ByteArrayOutputStream png = new ByteArrayOutputStream();
        ImageIO.write(gray, "png", png);
        Picture read = PictureReader.read(png.toByteArray(), "gray");
        assertEquals(List.of(200, 200, 200), List.of(read.at(2, 1, 0), read.at(2, 1, 1), read.at(2, 1, 2)));
        ByteArrayOutputStream jpeg = new ByteArrayOutputStream();
        ImageIO.write(new BufferedImage(9, 6, BufferedImage.TYPE_INT_RGB), "jpg", jpeg);
        assertEquals(9, PictureReader.read(jpeg.toByteArray(), "jpeg").width());
    }

    @Test
    void aPictureTakenOnItsSideIsTurnedUpright() throws Exception {
        BufferedImage wide = new BufferedImage(32, 16, BufferedImage.TYPE_INT_RGB);
        for (int y = 0; y < 16; y++) {
            for (int x = 0; x < 16; x++) {
                wide.setRGB(x, y, 0xFFFFFF); // left half white
            }
        }
        ByteArrayOutputStream jpeg = new ByteArrayOutputStream();
        ImageIO.write(wide, "jpg", jpeg);
        Picture upright = PictureReader.read(withOrientation(jpeg.toByteArray(), 6), "turned");
        assertEquals(16, upright.width());
        assertTrue(upright.at(8, 4, 0) > 200 && upright.at(8, 28, 0) < 50, "left is to become the top");
    }

    /** Inserts an EXIF segment with an orientation after the start of a JPEG. */
    private static byte[] withOrientation(byte[] jpeg, int orientation) {
        ByteBuffer exif = ByteBuffer.allocate(36);
        exif.putShort((short) 0xFFE1).putShort((short) 34).put("Exif\0\0".getBytes(StandardCharsets.US_ASCII));
        exif.put((byte) 'M').put((byte) 'M').putShort((short) 42).putInt(8);
        exif.putShort((short) 1)
                .putShort((short) 0x0112)
                .putShort((short) 3)
                .putInt(1)
                .putShort((short) orientation)
                .putShort((short) 0);
        exif.putInt(0);
        ByteBuffer all = ByteBuffer.allocate(jpeg.length + 36);
        all.put(jpeg, 0, 2).put(exif.flip()).put(jpeg, 2, jpeg.length - 2);
        return Arrays.copyOf(all.array(), all.position());
    }

    @Test
    void aSizeThatWouldFillTheMemoryIsRefusedBeforeDecoding() {
        byte[] png = PngWriter.encode(random(4, 4), Map.of());
        ByteBuffer.wrap(png).putInt(16, 100_000).putInt(20, 100_000);
        CRC32 crc = new CRC32();
        crc.update(png, 12, 17);
        ByteBuffer.wrap(png).putInt(29, (int) crc.getValue());
        String message = String.valueOf(assertThrows(ImageException.class, () -> PictureReader.read(png, "bomb.png"))
                .getMessage());
        assertTrue(message.contains("bomb.png says it is 100000 x 100000 pixels"), message);
    }

    @Test
    void damagedFilesAreRefusedOrReadAndNeverEndTheProcess() throws Exception {
        ByteArrayOutputStream jpeg = new ByteArrayOutputStream();
        ImageIO.write(new BufferedImage(40, 30, BufferedImage.TYPE_INT_RGB), "jpg", jpeg);
        Random random = new Random(2);
        for (byte[] whole : List.of(PngWriter.encode(random(40, 30), Map.of("a", "b")), jpeg.toByteArray())) {
            for (int i = 0; i < 2000; i++) {
                byte[] damaged = i % 2 == 0 ? Arrays.copyOf(whole, random.nextInt(whole.length)) : whole.clone();
                if (i % 2 == 1) {
                    damaged[random.nextInt(damaged.length)] ^= (byte) (1 << random.nextInt(8));
                }
                try {
                    PictureReader.read(damaged, "damaged");
                } catch (ImageException refused) {
                    assertTrue(String.valueOf(refused.getMessage()).startsWith("damaged "), refused.getMessage());
                }
            }
        }
    }

    @Test
    void textsOfEveryAlphabetComeBack() {
        Map<String, String> texts = new LinkedHashMap<>();
        texts.put("parameters", "a café\nSteps: 20, Sampler: Euler a, Size: 8x8");
        texts.put("darkroom", "{\"prompt\":\"富士山 🌸\"}");
        byte[] png = PngWriter.encode(random(3, 3), texts);
        assertEquals(texts, PngText.read(png, "png"));
        png[60] ^= 1;
        assertThrows(ImageException.class, () -> PngText.read(png, "png"));
    }

    @Test
    void parametersAreTakenApartAsTheyWerePutTogether() {
        Map<String, String> values = new LinkedHashMap<>();
        values.put("Steps", "20");
        values.put("Sampler", "DPM++ 2M");
        values.put("Model", "a, \"b\": c");
        values.put("Size", "512x512");
        for (InfoText text : List.of(
                new InfoText("two\nlines", "nothing, at: all", values), new InfoText("only this", "", Map.of()))) {
            assertEquals(text, InfoText.parse(text.format().stripTrailing()));
        }
        assertEquals(
                "p\nNegative prompt: n\nSteps: 20, Sampler: DPM++ 2M, Model: \"a, \\\"b\\\": c\", Size: 512x512",
                new InfoText("p", "n", values).format());
    }

    @Test
    void smallerPicturesKeepTheirColours() {
        byte[] rgb = new byte[64 * 48 * 3];
        Arrays.fill(rgb, (byte) 77);
        Picture plain = new Picture(64, 48, rgb);
        for (Picture resized : List.of(plain.resize(16, 12), plain.resize(100, 7), plain.resize(64, 1))) {
            for (byte value : resized.rgb()) {
                assertEquals(77, value);
            }
        }
    }

    @Test
    void aRampShrinksSymmetricallyAboutItsMiddle() {
        byte[] rgb = new byte[18];
        for (int i = 0; i < 18; i++) {
            rgb[i] = (byte) (10 * i);
        }
        byte[] resized = new Picture(6, 1, rgb).resize(3, 1).rgb();
        for (int c = 0; c < 3; c++) {
            assertEquals(2 * (75 + 10 * c), (resized[c] & 0xff) + (resized[6 + c] & 0xff), 1);
        }
    }

    @Test
    void aFileThatCannotBeWrittenLeavesNothingBehind() throws Exception {
        Path file = Files.writeString(folder.resolve("file"), "here before");
        for (Path target : List.of(folder.resolve("none/a.png"), file.resolve("a.png"), folder)) {
            assertThrows(ImageException.class, () -> OutputFile.write(target, new byte[10]));
            assertThrows(ImageException.class, () -> OutputFile.check(target));
        }
        OutputFile.check(file);
        assertEquals("here before", Files.readString(file));
        OutputFile.write(file, new byte[] {1, 2});
        assertArrayEquals(new byte[] {1, 2}, Files.readAllBytes(file));
        try (Stream<Path> files = Files.list(folder)) {
            assertEquals(List.of(file), files.toList());
        }
    }
}
