package dev.darkroom.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.darkroom.image.PictureReader;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** The commands, in this process: what they print, write and return. */
final class CommandTest {
    private static final Path ROOT =
            Path.of(System.getProperty("darkroom.root")).normalize();

    @TempDir
    private Path folder = Path.of("");

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    @BeforeEach
    void knowTheDemoModel() {
        System.setProperty("darkroom.home", ROOT.toString());
    }

    private int run(String... arguments) {
        return Main.run(new PrintWriter(out, true), new PrintWriter(err, true), arguments);
    }

    /** A quick picture; {@code more} is appended. */
    private int generate(String... more) {
        List<String> arguments =
                new ArrayList<>(List.of("txt2img", "-p", "a red circle", "-W", "64", "-H", "64", "--steps", "2"));
        arguments.addAll(List.of("-o", folder.resolve("out.png").toString()));
        arguments.addAll(List.of(more));
        return run(arguments.toArray(String[]::new));
    }

    private List<String> files() throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }

    @Test
    void aBatchIsNumberedAndReportedAsJson() throws IOException {
        assertEquals(0, generate("-b", "2", "-s", "9", "--json"), err.toString());
        assertEquals(List.of("out.png", "out_2.png"), files());
        JsonNode report = new ObjectMapper().readTree(out.toString());
        assertEquals(9, report.path("seeds").path(0).asLong());
        assertEquals(10, report.path("seeds").path(1).asLong());
        assertEquals(64, PictureReader.read(folder.resolve("out_2.png")).width());
        assertTrue(report.path("seconds").path("total").asDouble() > 0);
        assertTrue(err.toString().contains("step 3/3"), err.toString());
        assertFalse(err.toString().contains("\r"), "control characters where there is no terminal");
    }

    @Test
    void theNamesOfDiffusersAreAliases() {
        int code = run(
                "txt2img",
                "--prompt",
                "a star",
                "--num-inference-steps",
                "2",
                "--guidance-scale",
                "3",
                "--width",
                "64",
                "--height",
                "64",
                "--scheduler",
                "EulerDiscreteScheduler",
                "--output",
                folder.resolve("a.png").toString());
        assertEquals(0, code, err.toString());
    }

    @Test
    void aPictureBecomesAnother() throws IOException {
        assertEquals(0, generate());
        Path first = folder.resolve("out.png");
        int code = run(
                "img2img",
                "-i",
                first.toString(),
                "-p",
                "a blue star",
                "--steps",
                "4",
                "--strength",
                "0.5",
                "-o",
                folder.resolve("next.png").toString(),
                "--preview",
                folder.resolve("preview.png").toString());
        assertEquals(0, code, err.toString());
        assertEquals(List.of("next.png", "out.png", "preview.png"), files());
        assertEquals(8, PictureReader.read(folder.resolve("preview.png")).width());
    }

    static Stream<Arguments> badInput() {
        return Stream.of(
                bad("no model \"nowhere\"", "-m", "nowhere"),
                bad("model_index.json", "-m", ROOT.resolve("docs").toString()),
                bad(
                        "out_of_range",
                        "-m",
                        ROOT.resolve("tests/reference/formats/malformed/offsets_out_of_range.safetensors")
                                .toString()),
                bad("unknown sampler \"best\"; known are", "--sampling-method", "best"),
                bad("width is 100; must be a positive multiple of 8", "-W", "100"),
                bad("of memory", "-W", "64000", "-H", "64000"),
                bad("steps is 0", "--steps", "0"),
                bad("cfg scale is NaN", "--cfg-scale", "NaN"),
                bad("clip skip is 40", "--clip-skip", "40"),
                bad("is not a width and a height as 1024x768", "--original-size", "10"),
                bad("is not the pixels cut off", "--crop-top-left", "-1,0"),
                bad("are options of SDXL, and this model is Stable Diffusion 1", "--prompt-2", "a dog"),
                bad("unknown prediction \"w\"; known are eps", "--prediction", "w"),
                bad("there is no refiner; name one with --refiner", "--refiner-switch-at", "0.5"),
                bad(
                        "a refiner goes behind an SDXL base model",
                        "--refiner",
                        ROOT.resolve("tests/reference/checkpoints/sdxl").toString()),
                bad("the prompt is empty", "-p", " "),
                bad("Unknown option: '--stepps=3'", "--stepps=3"),
                bad("known are auto, cpu", "--device", "tpu"),
                bad("unknown element type \"f8\"", "--dtype", "f8"),
                bad("its folder does not exist", "-o", "/nonexistent/folder/a.png"),
                bad("is a folder", "-o", ROOT.toString()),
                bad("threads is -2", "--threads", "-2"));
    }

    private static Arguments bad(String message, String... arguments) {
        return Arguments.of(message, arguments);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("badInput")
    void badInputHasAMessageAndNothingIsWritten(String message, String[] arguments) throws IOException {
        List<String> all = new ArrayList<>(List.of("txt2img"));
        List<String> given = List.of(arguments);
        for (String[] each : new String[][] {
            {"-p", "a cat"}, {"-o", folder.resolve("out.png").toString()}, {"--steps", "2"}
        }) {
            if (!given.contains(each[0])) {
                all.addAll(List.of(each));
            }
        }
        all.addAll(given);
        int code = run(all.toArray(String[]::new));
        assertTrue(err.toString().contains(message), err.toString());
        assertTrue(err.toString().contains("darkroom: error: "), err.toString());
        assertEquals(given.contains("tpu") ? Failures.DEVICE_FAILED : Failures.BAD_INPUT, code, err.toString());
        assertFalse(err.toString().contains("\tat "), "a stack trace for bad input");
        assertEquals(List.of(), files());
    }

    @Test
    void aCudaDeviceThatIsNotThereIsAnErrorAndNeverReplaced() throws IOException {
        assertEquals(Failures.DEVICE_FAILED, generate("--device", "cuda:0"));
        assertTrue(err.toString().contains("device cuda:0: no NVIDIA driver was found"), err.toString());
        assertEquals(List.of(), files());
    }

    @Test
    void anUnreadableInitPictureIsNamed() throws IOException {
        Path broken = Files.writeString(folder.resolve("broken.png"), "no picture");
        assertEquals(Failures.BAD_INPUT, run("img2img", "-i", broken.toString(), "-p", "a cat"));
        assertTrue(err.toString().contains("broken.png is neither PNG nor JPEG"), err.toString());
        assertEquals(
                Failures.BAD_INPUT,
                run("img2img", "-i", folder.resolve("none.png").toString(), "-p", "a cat"));
        assertEquals(Failures.BAD_INPUT, run("img2img", "-i", broken.toString(), "-p", "a cat", "--strength", "2"));
    }

    @Test
    void inspectSaysWhatAModelIs() throws IOException {
        assertEquals(0, run("inspect", "--json"));
        assertTrue(
                new ObjectMapper()
                        .readTree(out.toString())
                        .path("kind")
                        .asText()
                        .contains("Stable Diffusion 1"),
                out.toString());
    }

    @Test
    void verifyFailsWhereNothingWasCompared() {
        assertEquals(
                0, run("verify", ROOT.resolve("tests/reference").toString(), "--group", "tokenizer"), err.toString());
        assertTrue(out.toString().contains("summary (cpu, f32)"), out.toString());
        assertEquals(Failures.FAULT, run("verify", folder.toString()));
        assertEquals(Failures.BAD_INPUT, run("verify", folder.resolve("none").toString()));
    }

    @Test
    void doctorFindsTheCpuAndSaysThatThereIsNoCuda() {
        assertEquals(0, run("doctor"));
        assertTrue(out.toString().contains("ready: oneDNN"), out.toString());
        assertTrue(out.toString().contains("absent: device cuda:0: no NVIDIA driver was found"), out.toString());
    }

    @Test
    void benchMeasuresEveryPart() throws IOException {
        assertEquals(0, run("bench", "--repeat", "1", "--warmup", "0", "--json"), err.toString());
        JsonNode report = new ObjectMapper().readTree(out.toString());
        for (String part : List.of("text", "unet", "vae")) {
            assertTrue(report.path(part).path("median_seconds").asDouble() > 0, part);
            assertTrue(report.path(part).path("flops_per_second").asDouble() > 1e6, part);
        }
        assertTrue(report.path("process_peak_bytes").asLong() > 50_000_000);
    }
}
