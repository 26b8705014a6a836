package dev.darkroom.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.darkroom.image.OutputFile;
import dev.darkroom.image.Picture;
import dev.darkroom.image.PngWriter;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The command {@code clip}: what it prints, and what it says to bad input. */
final class ClipCommandTest {
    private static final Path ROOT =
            Path.of(System.getProperty("darkroom.root")).normalize();
    private static final List<String> COLOURS = List.of("a plain red background", "a plain blue background");

    @TempDir
    private Path folder = Path.of("");

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    @BeforeEach
    void knowTheDemoModel() {
        System.setProperty("darkroom.home", ROOT.toString());
    }

    private int run(String... arguments) {
        String[] all = new String[arguments.length + 3]; // clip … --device cpu
        all[0] = "clip";
        System.arraycopy(arguments, 0, all, 1, arguments.length);
        all[all.length - 2] = "--device";
        all[all.length - 1] = "cpu";
        return Main.run(new PrintWriter(out, true), new PrintWriter(err, true), all);
    }

    /** A red picture and a blue one; each carries the prompt that suits the other. */
    private void writePictures() {
        for (int channel : new int[] {0, 2}) {
            byte[] rgb = new byte[40 * 50 * 3];
            Arrays.fill(rgb, (byte) 30);
            for (int i = channel; i < rgb.length; i += 3) {
                rgb[i] = (byte) 220;
            }
            String prompt = COLOURS.get(channel == 0 ? 1 : 0) + "\nSteps: 2, Sampler: Euler, Seed: 1";
            OutputFile.write(
                    folder.resolve(channel == 0 ? "red.png" : "blue.png"),
                    PngWriter.encode(new Picture(40, 50, rgb), Map.of("parameters", prompt)));
        }
    }

    @Test
    void picturesAreComparedWithTextsAsJson() throws Exception {
        writePictures();
        String red = folder.resolve("red.png").toString();
        String blue = folder.resolve("blue.png").toString();
        assertEquals(0, run("--json", "--image", red, blue, "--text", COLOURS.get(0), COLOURS.get(1)), err.toString());
        JsonNode report = new ObjectMapper().readTree(out.toString());
        assertEquals(red, report.path("images").path(0).path("file").asText());
        assertEquals(128, report.path("images").path(1).path("embedding").size());
        assertEquals(128, report.path("texts").path(1).path("embedding").size());
        for (int i = 0; i < 2; i++) {
            JsonNode row = report.path("probabilities").path(i);
            assertEquals(1, row.path(0).asDouble() + row.path(1).asDouble(), 1e-9);
            assertTrue(row.path(i).asDouble() > 0.5, report.path("cosines").toString());
        }
        assertFalse(report.has("ranking"));
    }

    @Test
    void picturesOfAFolderAreRankedByEachText() {
        writePictures();
        assertEquals(0, run("--images", folder.toString(), "--text", COLOURS.get(0), COLOURS.get(1), "--top", "1"), err.toString());
        List<String> lines = out.toString().lines().toList();
        assertEquals(4, lines.size(), out.toString());
        assertEquals(COLOURS.get(0), lines.get(0));
        assertTrue(lines.get(1).endsWith("red.png"), out.toString());
        assertTrue(lines.get(3).endsWith("blue.png"), out.toString());
    }

    @Test
    void theScoreOfAPictureIsByThePromptThatItCarries() throws Exception {
        writePictures();
        assertEquals(0, run("--images", folder.toString(), "--score", "--json"), err.toString());
        JsonNode scores = new ObjectMapper().readTree(out.toString());
        assertEquals(COLOURS.get(0), scores.path("scores").path(0).path("text").asText()); // blue.png
        double mean = (scores.path("scores").path(0).path("score").asDouble()
                        + scores.path("scores").path(1).path("score").asDouble())
                / 2;
        assertEquals(mean, scores.path("mean_score").asDouble(), 1e-9);
    }

    @Test
    void aTextThatIsTooLongIsUsedAndReported() {
        writePictures();
        String text = "red ".repeat(80);
        assertEquals(0, run("--images", folder.toString(), "--text", text), err.toString());
        assertTrue(err.toString().contains("darkroom: warning: text 1 has 80 tokens, and the model takes 75"), err.toString());
    }

    @Test
    void badInputHasAMessage() throws Exception {
        writePictures();
        String red = folder.resolve("red.png").toString();
        String empty = Files.createDirectory(folder.resolve("empty")).toString();
        String broken = Files.writeString(folder.resolve("broken.jpg"), "no picture").toString();
        String plain = folder.resolve("plain.png").toString();
        OutputFile.write(Path.of(plain), PngWriter.encode(new Picture(2, 2, new byte[12]), Map.of()));
        refused("no texts given", "--image", red);
        refused("no pictures given", "--text", "a");
        refused("empty has no pictures", "--images", empty, "--text", "a");
        refused("broken.jpg is neither PNG nor JPEG", "--image", red, broken, "--text", "a");
        refused("there is no picture ", "--image", red + "x", "--text", "a");
        refused("top is 0", "--image", red, "--text", "a", "--top", "0");
        refused("leave out either it or --text", "--image", red, "--text", "a", "--score");
        refused("plain.png carries no prompt", "--image", plain, "--score");
        Path reference = ROOT.resolve("tests/reference/checkpoints");
        refused("sd1 has no image encoder", "--image", red, "--text", "a", "-m", reference.resolve("sd1").toString());
        String encoder = ROOT.resolve("models/demo/text_encoder").toString();
        refused("its config.json says CLIPTextModel", "--image", red, "--text", "a", "-m", encoder);
        refused("there is no CLIP model \"nowhere\"", "--image", red, "--text", "a", "-m", "nowhere");
        refused("is a file, and a CLIP model is a folder", "--image", red, "--text", "a", "-m", red);
    }

    private void refused(String message, String... arguments) {
        err.getBuffer().setLength(0);
        assertEquals(Failures.BAD_INPUT, run(arguments), err.toString());
        assertTrue(err.toString().contains(message), err.toString());
        assertFalse(err.toString().contains("\tat "), "a stack trace for bad input");
        assertEquals("", out.toString());
    }
}
