package dev.darkroom.pipeline;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.darkroom.cli.Main;
import dev.darkroom.image.Picture;
import dev.darkroom.tensor.DType;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Weights that are no numbers make no picture: the first layer to compute with them is named. */
@DisplayName("Damaged weights")
class DamagedWeightsTest {
    @TempDir
    private Path folder = Path.of("");

    @ParameterizedTest(name = "{0} {1}")
    @CsvSource({
        "text_encoder, text_model.encoder.layers.2.mlp.fc1.weight, in the text, text_model/layers.2",
        "unet, mid_block.attentions.0.proj_in.weight, at step 1 of 2, unet/mid_block",
        "unet, up_blocks.1.resnets.0.conv1.weight, at step 1 of 2, unet/up_blocks.1/layers.0/layer.0",
        "vae, decoder.up_blocks.1.resnets.0.conv1.weight, in the decoded picture, vae/vae.decoder/up_blocks.1",
        "vae, encoder.mid_block.resnets.0.conv1.weight, in the picture's latents, vae.encoder"
    })
    void areNamedByTheirLayer(String component, String tensor, String when, String layer) {
        Path model = TinyCheckpoints.copy("sd1", folder.resolve("model"));
        TinyCheckpoints.change(model, component, tensor, TinyCheckpoints::damaged);
        try (Darkroom darkroom = Darkroom.builder(model.toString())
                .device("cpu")
                .threads(1)
                .dtype(DType.F32)
                .open()) {
            Request request = Request.of("a red circle")
                    .size(32, 32)
                    .steps(3)
                    .sampler("DDIM")
                    .init(new Picture(32, 32, new byte[32 * 32 * 3]))
                    .strength(0.7)
                    .count(2)
                    .build();
            NotFiniteException e = assertThrows(NotFiniteException.class, () -> darkroom.generate(request));
            String message = String.valueOf(e.getMessage());
            assertTrue(message.contains(when) && message.contains("first in " + layer), message);
            assertTrue(message.contains("the model's weights are damaged"), message);
        }
    }

    @Test
    void makeNoPictureAndNoSuccess() {
        Path model = TinyCheckpoints.copy("sd1", folder.resolve("model"));
        TinyCheckpoints.change(model, "vae", "decoder.conv_out.weight", TinyCheckpoints::damaged);
        Path output = folder.resolve("out.png");
        StringWriter err = new StringWriter();
        int code = Main.run(
                new PrintWriter(new StringWriter()),
                new PrintWriter(err, true),
                ("txt2img -p circle -W 32 -H 32 --steps 1 --device cpu --threads 1 --dtype f32 -m " + model + " -o "
                                + output)
                        .split(" "));
        assertEquals(2, code, err.toString());
        assertTrue(err.toString().contains("error: ") && err.toString().contains("first in vae"), err.toString());
        assertFalse(Files.exists(output), "a picture was written");
    }
}
