package dev.darkroom.tools;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.darkroom.weights.ModelComponent;
import dev.darkroom.weights.ModelFiles;
import dev.darkroom.weights.ReferenceFiles;
import dev.darkroom.weights.SafetensorsFile;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@DisplayName("The weights tools")
class WeightsToolsTest {
    @TempDir
    private Path folder = Path.of("");

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    @ParameterizedTest
    @ValueSource(strings = {"sd1", "sd2", "sdxl"})
    void convertAFolderToAFileAndBack(String name) {
        String original = ReferenceFiles.of("checkpoints/" + name).toString();
        Path file = folder.resolve("model.safetensors");
        Path back = folder.resolve("back");
        run(0, "convert", original, "-o", file.toString());
        run(0, "convert", file.toString(), "-o", back.toString());
        ModelFiles expected = ModelFiles.open(original);
        ModelFiles actual = ModelFiles.open(back.toString());
        assertEquals(expected.family(), actual.family());
        for (String component : expected.names()) {
            if (expected.component(component).isNetwork()) {
                ReferenceFiles.assertSame(expected.weights(component), actual.weights(component));
            }
        }
    }

    @Test
    void convertAFolderToAFolderWithItsVocabularyAndConfigs() throws IOException {
        Path original = ReferenceFiles.of("checkpoints/sdxl");
        Path copy = folder.resolve("copy");
        run(0, "convert", original.toString(), "-o", copy.toString());
        try (Stream<Path> files = Files.walk(original)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                Path copied = copy.resolve(original.relativize(file).toString());
                if (file.toString().endsWith(".json")) {
                    assertEquals(json(file), json(copied), file.toString());
                } else if (file.toString().endsWith(".txt")) {
                    assertEquals(-1, Files.mismatch(file, copied), file.toString());
                } else {
                    ReferenceFiles.assertSame(SafetensorsFile.open(file), SafetensorsFile.open(copied));
                }
            }
        }
    }

    @Test
    void roundToBfloat16AsOthersDo() {
        Path f16 = ReferenceFiles.of("checkpoints/sd2/vae/diffusion_pytorch_model.safetensors");
        Path bf16 = folder.resolve("vae.safetensors");
        run(0, "convert", f16.toString(), "-o", bf16.toString(), "--dtype", "bf16");
        ReferenceFiles.assertSame(
                SafetensorsFile.open(ReferenceFiles.of("formats/bf16_vae/diffusion_pytorch_model.safetensors")),
                SafetensorsFile.open(bf16));
    }

    @Test
    void widenToFloat32WithoutChange() {
        Path f16 = ReferenceFiles.of("checkpoints/sd2/vae/diffusion_pytorch_model.safetensors");
        Path f32 = folder.resolve("f32.safetensors");
        Path back = folder.resolve("f16.safetensors");
        run(0, "convert", f16.toString(), "-o", f32.toString(), "--dtype", "f32");
        run(0, "convert", f32.toString(), "-o", back.toString(), "--dtype", "f16");
        ReferenceFiles.assertSame(SafetensorsFile.open(f16), SafetensorsFile.open(back));
        ReferenceFiles.assertSame(
                SafetensorsFile.open(ReferenceFiles.ofWholeSet("formats/fp32_vae/diffusion_pytorch_model.safetensors")),
                SafetensorsFile.open(f32));
    }

    @Test
    void leaveAnExistingFolderAlone() throws IOException {
        Path existing = Files.createDirectories(folder.resolve("existing"));
        run(2, "convert", ReferenceFiles.of("checkpoints/sd1").toString(), "-o", existing.toString());
        assertTrue(err.toString().contains("exists already"), err.toString());
        try (Stream<Path> left = Files.walk(folder)) {
            assertEquals(2, left.count());
        }
    }

    @Test
    void leaveNothingBehindWhenTheyFail() throws IOException {
        Path broken = folder.resolve("broken");
        run(0, "convert", ReferenceFiles.of("checkpoints/sd1").toString(), "-o", broken.toString());
        Files.write(broken.resolve("vae/diffusion_pytorch_model.safetensors"), new byte[5]);
        run(2, "convert", broken.toString(), "-o", folder.resolve("copy").toString());
        assertTrue(err.toString().contains("vae/diffusion_pytorch_model.safetensors is not a valid"), err.toString());
        try (Stream<Path> left = Files.list(folder)) {
            assertEquals(1, left.count());
        }
    }

    @Test
    void inspectAFolderAFileAComponentAndAnythingElse() throws IOException {
        Path sd1 = ReferenceFiles.of("checkpoints/sd1");
        run(0, "inspect", sd1.toString());
        assertTrue(out.toString().contains("a Stable Diffusion 1 folder"), out.toString());
        JsonNode folderReport = inspectJson(sd1);
        assertEquals("SD1", folderReport.get("family").asText());
        JsonNode unet = folderReport.get("parts").get(1);
        assertEquals("unet", unet.get("name").asText());
        assertEquals(686, unet.get("tensors").asInt());
        assertEquals(2 * unet.get("parameters").asLong(), unet.get("bytes").asLong());
        assertEquals(unet.get("parameters"), unet.get("parametersByType").get("f16"));

        Path file = folder.resolve("model.safetensors");
        run(0, "convert", sd1.toString(), "-o", file.toString());
        assertEquals(folderReport.get("parts"), inspectJson(file).get("parts"));
        assertEquals(
                "a Stable Diffusion 1 checkpoint", inspectJson(file).get("kind").asText());

        JsonNode component = inspectJson(ReferenceFiles.of("checkpoints/sd2/unet"));
        assertEquals("a U-Net (diffusers names)", component.get("kind").asText());
        JsonNode other = inspectJson(ReferenceFiles.of("formats/malformed/ok_many_dtypes.safetensors"));
        assertEquals(
                4,
                other.get("parts").get(0).get("parametersByType").get("f8_e4m3").asInt());
        assertTrue(other.get("family").isNull());
    }

    @Test
    void refuseWithCode2AndASentence() {
        run(2, "inspect", "none/at/all");
        assertTrue(err.toString().startsWith("there is no model \"none/at/all\""), err.toString());
        run(
                2,
                "inspect",
                ReferenceFiles.of("formats/malformed/data_truncated.safetensors")
                        .toString());
        assertTrue(err.toString().contains("it is cut off"), err.toString());
        run(2, "synthesize", "--arch", "sd9", "-o", folder.resolve("x").toString());
        assertTrue(err.toString().contains("sd15, sd15-inpainting, sd21, sdxl"), err.toString());
        run(2);
        assertTrue(err.toString().contains("Missing required subcommand"), err.toString());
    }

    @Test
    void openTheVaeTheyConverted() {
        Path vae = folder.resolve("vae.safetensors");
        run(
                0,
                "convert",
                ReferenceFiles.of("checkpoints/sd1/vae/diffusion_pytorch_model.safetensors")
                        .toString(),
                "-o",
                vae.toString());
        assertEquals(
                4, ModelComponent.openVae(vae).config().get("latent_channels").asInt());
    }

    private JsonNode inspectJson(Path path) throws IOException {
        run(0, "inspect", "--json", path.toString());
        return new ObjectMapper().readTree(out.toString());
    }

    private static JsonNode json(Path file) throws IOException {
        return new ObjectMapper().readTree(file.toFile());
    }

    private void run(int code, String... arguments) {
        out.getBuffer().setLength(0);
        err.getBuffer().setLength(0);
        assertEquals(
                code,
                WeightsTools.run(new PrintWriter(out, true), new PrintWriter(err, true), arguments),
                err::toString);
    }
}
