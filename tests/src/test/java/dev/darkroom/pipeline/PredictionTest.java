package dev.darkroom.pipeline;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import dev.darkroom.sampling.Prediction;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.HostTensor;
import dev.darkroom.tensor.Shape;
import dev.darkroom.weights.ModelFiles;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a model predicts: folders say it, single files of Stable Diffusion 2 mostly do not and are asked. */
@DisplayName("correctness 36: What a model predicts")
class PredictionTest {
    private static final Map<String, HostTensor> NOTHING_MORE = Map.of();

    @TempDir
    private Path folder = Path.of("");

    private static Prediction of(Path model, String configs) {
        return of(model, configs, null);
    }

    /** @param configs the model whose head counts the file has, which its shapes do not tell */
    private static Prediction of(Path model, String configs, @Nullable Prediction told) {
        ModelFiles folder = ModelFiles.open(TinyCheckpoints.of(configs).toString());
        Map<String, JsonNode> byComponent = new HashMap<>();
        Stream.of("unet", "vae", "text_encoder", "text_encoder_2")
                .filter(folder::has)
                .forEach(name -> byComponent.put(name, folder.config(name)));
        try (Darkroom darkroom = Darkroom.builder(model.toString())
                .configs(byComponent)
                .device("cpu")
                .threads(1)
                .dtype(DType.F32)
                .prediction(told)
                .open()) {
            return darkroom.prediction();
        }
    }

    @Test
    void isWhatTheFolderSays() {
        assertEquals(Prediction.V_PREDICTION, of(TinyCheckpoints.of("sd2"), "sd2"));
        assertEquals(Prediction.EPSILON, of(TinyCheckpoints.of("sd1"), "sd1"));
    }

    /** At the last time the input is all noise: predicted noise is about the input, predicted velocity far below it. */
    @Test
    void isAskedOfTheNetworkWhereASingleFileDoesNotSay() {
        Path noise = TinyCheckpoints.copy("sd2", folder.resolve("noise"));
        answer(noise, 0.5f);
        assertEquals(Prediction.EPSILON, of(file(noise, "n", Map.of()), "sd2"));
        Path velocity = TinyCheckpoints.copy("sd2", folder.resolve("velocity"));
        answer(velocity, -1.5f);
        Path file = file(velocity, "v", Map.of());
        assertEquals(Prediction.V_PREDICTION, of(file, "sd2"));
        assertEquals(Prediction.EPSILON, of(file, "sd2", Prediction.EPSILON));
    }

    /** Has the U-Net return {@code value} whatever it is given. */
    private static void answer(Path model, float value) {
        TinyCheckpoints.change(model, "unet", "conv_out.weight", weights -> new float[weights.length]);
        TinyCheckpoints.change(model, "unet", "conv_out.bias", bias -> {
            Arrays.fill(bias, value);
            return bias;
        });
    }

    private Path file(Path model, String name, Map<String, String> metadata) {
        return TinyCheckpoints.singleFile(model, folder.resolve(name + ".safetensors"), NOTHING_MORE, metadata);
    }

    @Test
    void isWhatTheMetadataSay() {
        Path sd2 = TinyCheckpoints.of("sd2");
        assertEquals(Prediction.V_PREDICTION, of(file(sd2, "v", Map.of("modelspec.predict_key", "v")), "sd2"));
        assertEquals(Prediction.EPSILON, of(file(sd2, "e", Map.of("modelspec.predict_key", "epsilon")), "sd2"));
    }

    @Test
    void isVelocityWhereTheMarkersOfSdxlStandInTheFile() {
        HostTensor marker = HostTensor.of("marker", Shape.of(1), 0f);
        Path file = TinyCheckpoints.singleFile(
                TinyCheckpoints.of("sdxl"),
                folder.resolve("m.safetensors"),
                Map.of("v_pred", marker, "ztsnr", marker),
                Map.of());
        assertEquals(Prediction.V_PREDICTION, of(file, "sdxl"));
        assertEquals(
                true,
                ModelFiles.open(file.toString())
                        .config("scheduler")
                        .path("rescale_betas_zero_snr")
                        .asBoolean());
    }

    @Test
    void hasTheNamesOfOtherPrograms() {
        assertEquals(Prediction.EPSILON, Prediction.parse("eps"));
        assertEquals(Prediction.V_PREDICTION, Prediction.parse("V"));
        assertThrows(IllegalArgumentException.class, () -> Prediction.parse("velocity?"));
    }
}
