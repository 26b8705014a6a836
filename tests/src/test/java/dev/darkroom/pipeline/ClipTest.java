package dev.darkroom.pipeline;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.darkroom.image.ImageException;
import dev.darkroom.image.Picture;
import dev.darkroom.image.PictureReader;
import dev.darkroom.tensor.DType;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The demo model's CLIP on the pictures of its contact sheet, which it was not trained on. */
final class ClipTest {
    private static final Path DEMO = Path.of(System.getProperty("darkroom.root"), "models/demo");

    /** Captions of the sheet, by row and column; those whose pictures a person would know by them. */
    private static final Map<String, int[]> SHEET = new LinkedHashMap<>();

    static {
        SHEET.put("the sun over green hills", new int[] {1, 4});
        SHEET.put("purple hills at sunset", new int[] {1, 5});
        SHEET.put("a green apple tree on a sunny day", new int[] {2, 0});
        SHEET.put("a red sailing boat with white sails on the sea at sunset", new int[] {2, 4});
        SHEET.put("snow-capped blue mountains by a lake at sunset", new int[] {3, 1});
        SHEET.put("a black cat on a yellow background", new int[] {3, 3});
        SHEET.put("a red planet with rings in space", new int[] {3, 4});
        SHEET.put("an orange fish under water", new int[] {3, 5});
    }

    private static Clip clip;

    @BeforeAll
    static void openTheDemoModel() {
        clip = Clip.open(DEMO.toString(), "cpu", DType.F32, 2);
    }

    @AfterAll
    static void closeIt() {
        clip.close();
        assertThrows(IllegalStateException.class, () -> clip.embedTexts(List.of("a")));
    }

    private static List<Picture> pictures() {
        Picture sheet = PictureReader.read(DEMO.resolve("contact-sheet.png"));
        List<Picture> cells = new ArrayList<>();
        for (int[] place : SHEET.values()) {
            byte[] rgb = new byte[128 * 128 * 3];
            for (int i = 0; i < rgb.length; i++) {
                int pixel = i / 3;
                rgb[i] = (byte) sheet.at(2 + 132 * place[1] + pixel % 128, 2 + 166 * place[0] + pixel / 128, i % 3);
            }
            cells.add(new Picture(128, 128, rgb));
        }
        return cells;
    }

    @Test
    void theCaptionOfAPictureSuitsItBest() {
        List<String> captions = List.copyOf(SHEET.keySet());
        Clip.Similarities found = clip.similarities(pictures(), captions);
        int right = 0;
        for (int i = 0; i < captions.size(); i++) {
            double[] row = found.probabilities()[i];
            int best = 0;
            double sum = 0;
            for (int j = 0; j < row.length; j++) {
                best = row[j] > row[best] ? j : best;
                sum += row[j];
            }
            assertEquals(1, sum, 1e-9);
            right += best == i ? 1 : 0;
            assertEquals(Math.max(0, 100 * found.cosines()[i][i]), Clip.score(found.images()[i], found.texts()[i]), 1e-9);
        }
        assertTrue(right >= 7, right + " of 8 pictures have their own caption first");
    }

    @Test
    void embeddingsHaveUnitLengthAndDoNotDependOnWhatTheyWereComputedBeside() {
        Picture picture = pictures().get(3);
        List<Clip.Named> many = new ArrayList<>(Collections.nCopies(19, new Clip.Named("other", pictures().get(0))));
        many.set(17, new Clip.Named("this", picture)); // in the second batch
        float[] alone = clip.embedImages(List.of(new Clip.Named("this", picture)))[0];
        assertArrayEquals(alone, clip.embedImages(many)[17]);
        List<String> texts = new ArrayList<>(Collections.nCopies(19, "a cat"));
        texts.set(18, "a fish");
        float[] text = clip.embedTexts(List.of("a fish"))[0];
        assertArrayEquals(text, clip.embedTexts(texts)[18]);
        for (float[] embedding : List.of(alone, text)) {
            double squares = 0;
            for (float each : embedding) {
                squares += each * each;
            }
            assertEquals(1, squares, 1e-5);
        }
    }

    @Test
    void whatIsMissingOrTooLongIsSaid() {
        String noTexts = message(InvalidRequestException.class, () -> clip.similarities(pictures(), List.of()));
        assertEquals("there are no texts; give at least one", noTexts);
        String noPictures = message(InvalidRequestException.class, () -> clip.similarities(List.of(), List.of("a")));
        assertEquals("there are no pictures; give at least one", noPictures);
        Picture strip = new Picture(1, 200_000, new byte[600_000]);
        List<Clip.Named> named = List.of(new Clip.Named("strip.png", strip));
        String elongated = message(ImageException.class, () -> clip.embedImages(named));
        assertTrue(elongated.startsWith("strip.png: a picture of 1 x 200000 pixels is too elongated"), elongated);
        List<String> warnings = clip.warnings(List.of("a cat", "cat ".repeat(76) + "zebra"));
        assertEquals(1, warnings.size());
        assertTrue(warnings.get(0).contains("text 2 has ") && warnings.get(0).contains("the model takes 75; left out: \"cat"), warnings.get(0));
        assertTrue(warnings.get(0).endsWith("zebra\""), warnings.get(0));
        assertEquals(0, clip.device().pool().statistics().live() - weightBytes());
    }

    /** What is alive after a request is what was alive before one. */
    private static long weightBytes() {
        try (Clip fresh = Clip.open(DEMO.toString(), "cpu", DType.F32, 2)) {
            return fresh.device().pool().statistics().live();
        }
    }

    private static String message(Class<? extends Exception> kind, Runnable action) {
        return String.valueOf(assertThrows(kind, action::run).getMessage());
    }
}
