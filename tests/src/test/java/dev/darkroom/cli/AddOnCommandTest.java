package dev.darkroom.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.darkroom.weights.ReferenceFiles;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

@DisplayName("Networks beside the model, on the command line")
class AddOnCommandTest {
    private static final String NET =
            ReferenceFiles.of("checkpoints/controlnet").toString();
    private static final String PICTURE =
            ReferenceFiles.of("pipelines/control.png").toString();

    @TempDir
    private Path folder = Path.of("");

    private final StringWriter err = new StringWriter();

    private int generate(String... more) {
        List<String> arguments = new ArrayList<>(List.of("txt2img", "-p", "a horse", "-W", "64", "-H", "64"));
        arguments.addAll(List.of(
                "--steps", "2", "-m", ReferenceFiles.of("checkpoints/sd1").toString()));
        arguments.addAll(List.of("--device", "cpu", "-o", output().toString()));
        arguments.addAll(List.of(more));
        return Main.run(
                new PrintWriter(new StringWriter()), new PrintWriter(err, true), arguments.toArray(String[]::new));
    }

    private Path output() {
        return folder.resolve("out.png");
    }

    @Test
    void severalControlsEachHaveTheOptionsThatFollowThem() throws IOException {
        assertEquals(0, generate("--controlnet", NET, "--control-image", PICTURE), err.toString());
        byte[] one = Files.readAllBytes(output());
        int code = generate(
                "--controlnet",
                NET,
                "--control-image",
                PICTURE,
                "--control-strength",
                "0.5",
                "--control-end",
                "0.5",
                "--controlnet",
                NET,
                "--control-image",
                PICTURE,
                "--guess-mode");
        assertEquals(0, code, err.toString());
        String text = Files.readString(output(), StandardCharsets.ISO_8859_1);
        assertTrue(text.contains("Weight: 0.5") && text.contains("Guidance End: 0.5"), "of the first");
        assertTrue(text.contains("ControlNet 1") && text.contains("Guess Mode: true"), "of the second");
        assertFalse(Arrays.equals(one, Files.readAllBytes(output())));
    }

    @Test
    void aTinyAutoencoderAndAnIpAdapterAreTaken() {
        String tiny = ReferenceFiles.of("checkpoints/taesd").toString();
        int code = generate(
                "--vae",
                tiny,
                "--taesd",
                tiny,
                "--preview",
                folder.resolve("preview.png").toString(),
                "--ip-adapter",
                ReferenceFiles.of("checkpoints/ip_adapter/ip-adapter.safetensors")
                        .toString(),
                "--ip-adapter-embeds",
                ReferenceFiles.of("unet/ip_adapter.safetensors").toString(),
                "--ip-adapter-scale",
                "0.6");
        assertEquals(0, code, err.toString());
    }

    static Stream<Arguments> badInput() {
        return Stream.of(
                Arguments.of("control start is 0.8 and control end 0.3", new String[] {
                    "--controlnet", NET, "--control-image", PICTURE, "--control-start", "0.8", "--control-end", "0.3"
                }),
                Arguments.of("README.md", new String[] {
                    "--controlnet",
                    NET,
                    "--control-image",
                    ReferenceFiles.of("README.md").toString()
                }),
                Arguments.of("--control-image", new String[] {"--controlnet", NET}),
                Arguments.of(
                        "there is no network \"nowhere.safetensors\"",
                        new String[] {"--controlnet", "nowhere.safetensors", "--control-image", PICTURE}),
                Arguments.of("no tiny autoencoder", new String[] {"--vae", NET}));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("badInput")
    void badInputEndsWith2AndWritesNothing(String message, String[] arguments) {
        assertEquals(2, generate(arguments));
        assertTrue(err.toString().contains(message), err.toString());
        assertFalse(Files.exists(output()));
    }
}
