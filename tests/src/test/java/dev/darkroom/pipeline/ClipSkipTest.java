package dev.darkroom.pipeline;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.darkroom.image.Picture;
import dev.darkroom.tensor.DType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** correctness.md, point 6: clip skip N of AUTOMATIC1111 stops N - 1 layers before the last, and the final normalisation follows. */
final class ClipSkipTest {
    private static final Path DEMO =
            Path.of(System.getProperty("darkroom.root"), "models/demo");

    /** The demo model's text encoder has 12 layers, as that of Stable Diffusion 1. */
    @Test
    void aPictureWithClipSkipIsThatOfAModelWithoutTheSkippedLayers(@TempDir Path folder) throws Exception {
        copy(folder);
        Path config = folder.resolve("text_encoder/config.json");
        ObjectNode layers = (ObjectNode) new ObjectMapper().readTree(config.toFile());
        try (Darkroom demo = open(DEMO)) {
            for (int skip : new int[] {2, 12}) {
                Files.writeString(config, layers.put("num_hidden_layers", 13 - skip).toString());
                try (Darkroom shorter = open(folder)) {
                    assertEquals(picture(shorter, 1), picture(demo, skip), "clip skip " + skip);
                }
            }
            assertNotEquals(picture(demo, 1), picture(demo, 2));
        }
    }

    private static Darkroom open(Path model) {
        return Darkroom.builder(model.toString()).device("cpu").dtype(DType.F32).open();
    }

    private static Picture picture(Darkroom darkroom, int skip) {
        Request.Builder request = Request.of("a red circle").size(64, 64).steps(1).sampler("Euler");
        return darkroom.generate(request.clipSkip(skip).build()).picture();
    }

    private static void copy(Path folder) throws IOException {
        Files.copy(DEMO.resolve("model_index.json"), folder.resolve("model_index.json"));
        for (String part : List.of("text_encoder", "unet", "vae", "scheduler", "tokenizer")) {
            Files.createDirectory(folder.resolve(part));
            try (Stream<Path> files = Files.list(DEMO.resolve(part))) {
                for (Path file : files.toList()) {
                    Files.copy(file, folder.resolve(part).resolve(file.getFileName()));
                }
            }
        }
    }
}
