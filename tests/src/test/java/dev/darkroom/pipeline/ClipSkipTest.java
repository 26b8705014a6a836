package dev.darkroom.pipeline;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.darkroom.image.Picture;
import dev.darkroom.tensor.DType;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** correctness.md, point 6: clip skip N of AUTOMATIC1111 stops N - 1 layers before the last, and the final normalisation follows. */
final class ClipSkipTest {
    private static final Path DEMO =
            Path.of(System.getProperty("darkroom.root"), "models/demo").toAbsolutePath();

    /** The demo model's text encoder has 12 layers, as that of Stable Diffusion 1. */
    @Test
    void aPictureWithClipSkipIsThatOfAModelWithoutTheSkippedLayers(@TempDir Path folder) throws Exception {
        for (int skip : new int[] {1, 2, 12}) {
            Path shorter = withLayers(Files.createDirectory(folder.resolve("skip" + skip)), 13 - skip);
            assertEquals(picture(shorter, 1), picture(DEMO, skip), "clip skip " + skip);
        }
        assertNotEquals(picture(DEMO, 1), picture(DEMO, 2));
    }

    private static Picture picture(Path model, int skip) {
        try (Darkroom darkroom =
                Darkroom.builder(model.toString()).device("cpu").dtype(DType.F32).open()) {
            return darkroom.generate(Request.of("a red circle")
                            .size(64, 64)
                            .steps(1)
                            .sampler("Euler")
                            .clipSkip(skip)
                            .build())
                    .picture();
        }
    }

    /** The demo model with a text encoder of this many layers. */
    private static Path withLayers(Path folder, int layers) throws Exception {
        Files.copy(DEMO.resolve("model_index.json"), folder.resolve("model_index.json"));
        for (String part : List.of("unet", "vae", "scheduler", "tokenizer")) {
            Files.createSymbolicLink(folder.resolve(part), DEMO.resolve(part));
        }
        Path encoder = Files.createDirectory(folder.resolve("text_encoder"));
        Path weights = DEMO.resolve("text_encoder/model.safetensors");
        Files.createSymbolicLink(encoder.resolve("model.safetensors"), weights);
        ObjectNode config =
                (ObjectNode) new ObjectMapper().readTree(DEMO.resolve("text_encoder/config.json").toFile());
        Files.writeString(encoder.resolve("config.json"), config.put("num_hidden_layers", layers).toString());
        return folder;
    }
}
