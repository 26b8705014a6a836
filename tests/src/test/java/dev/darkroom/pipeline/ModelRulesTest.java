package dev.darkroom.pipeline;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.darkroom.device.Devices;
import dev.darkroom.models.clip.ClipTextEncoder;
import dev.darkroom.models.unet.Conditioning;
import dev.darkroom.models.unet.UNet;
import dev.darkroom.models.vae.Autoencoder;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Device;
import dev.darkroom.tensor.HostTensor;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import dev.darkroom.weights.ModelFiles;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalDouble;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Where the families differ in which layer, type and scale is used. */
@DisplayName("The families of models")
class ModelRulesTest {
    private static final List<String> TEXT = List.of("a red bicycle leaning against a white wall");

    @TempDir
    private Path folder = Path.of("");

    private static Device cpu;

    @BeforeAll
    static void open() {
        cpu = Devices.open("cpu", 1);
    }

    @AfterAll
    static void close() {
        cpu.close();
    }

    private static LoadedModel load(Path model) {
        return LoadedModel.of(cpu, ModelFiles.open(model.toString()), DType.F32);
    }

    /** Layers are counted from the last; 1 is the last one's output. */
    @ParameterizedTest(name = "{0}, clip skip {1}")
    @CsvSource({"sd1, 1, 1", "sd1, 2, 2", "sd1, 5, 5", "sd2, 1, 1", "sdxl, 1, 2", "sdxl, 2, 3"})
    @DisplayName(
            "correctness 5 and 6: SD1 and SD2 take the last layer or that of the clip skip, normalised; SDXL the one before it, of both encoders, as it is")
    void takeTheirLayer(String name, int clipSkip, int fromLast) {
        try (LoadedModel model = load(TinyCheckpoints.of(name));
                Scope scope = Scope.open(cpu, "test")) {
            Ops ops = cpu.ops(scope);
            TextEmbedding embedding = model.text().encode(ops, Texts.of(TEXT, clipSkip));
            List<ClipTextEncoder> encoders = model.networks().textEncoders();
            List<Tensor> expected = new ArrayList<>();
            for (int i = 0; i < encoders.size(); i++) {
                int[][] ids = {model.tokenizers().get(i).tokenize(TEXT.get(0)).ids()};
                ClipTextEncoder.Output out = encoders.get(i).encode(ops, ids);
                Tensor state = out.hiddenStates().get(out.hiddenStates().size() - fromLast);
                expected.add(encoders.size() == 2 ? state : encoders.get(i).normalised(ops, state));
            }
            Tensor context =
                    expected.size() == 2 ? ops.concatChannels(expected.get(0), expected.get(1)) : expected.get(0);
            assertArrayEquals(context.toHost(), embedding.context().toHost());
            assertEquals(encoders.size() == 2, embedding.pooled() != null);
        }
    }

    @Test
    @DisplayName("correctness 5: the single file of SD2 has a layer more than is used")
    void dropTheLastLayerOfOpenClip() {
        Path file = TinyCheckpoints.singleFile(
                TinyCheckpoints.of("sd2"), folder.resolve("sd2.safetensors"), Map.of(), Map.of());
        JsonNode published =
                ModelFiles.open(TinyCheckpoints.of("sd2").toString()).config("text_encoder");
        int layers = published.path("num_hidden_layers").asInt();
        ObjectNode config =
                ModelFiles.open(file.toString()).config("text_encoder").deepCopy();
        assertEquals(layers, config.path("num_hidden_layers").asInt());
        config.set("num_attention_heads", published.get("num_attention_heads")); // which no tensor tells
        ModelFiles single = ModelFiles.open(file.toString(), Map.of("text_encoder", config));
        try (LoadedModel model = LoadedModel.of(cpu, single, DType.F32)) {
            assertEquals(layers, model.text().layers());
        }
    }

    @Test
    @DisplayName(
            "correctness 7: zeros stand for an absent negative prompt, embedding and pooled, where the model was trained so")
    void haveZerosForNothing() {
        try (LoadedModel model = load(TinyCheckpoints.of("sdxl"));
                LoadedModel sd1 = load(TinyCheckpoints.of("sd1"));
                Scope scope = Scope.open(cpu, "test")) {
            assertTrue(model.forcesZeros());
            assertEquals(false, sd1.forcesZeros());
            Ops ops = cpu.ops(scope);
            TextEmbedding zeros = model.text().encode(ops, Texts.of(TEXT, 1)).zeros(ops);
            for (Tensor tensor : List.of(zeros.context(), Objects.requireNonNull(zeros.pooled()))) {
                for (float value : tensor.toHost()) {
                    assertEquals(0f, Math.abs(value));
                }
            }
        }
    }

    @ParameterizedTest(name = "{0} in {1}, force_upcast {2}")
    @CsvSource({
        "sdxl, F16, true, F32",
        "sdxl, F16, , F32",
        "sdxl, F16, false, F16",
        "sdxl, BF16, true, BF16",
        "sdxl, F32, true, F32",
        "sd1, F16, , F16"
    })
    @DisplayName(
            "correctness 25: SDXL's VAE computes in f32 where f16 would overflow, unless its weights were made for f16")
    void knowTheTypeOfTheirVae(String name, DType dtype, Boolean upcast, DType expected) {
        Path model = TinyCheckpoints.copy(name, folder.resolve(name));
        TinyCheckpoints.edit(model.resolve("vae/config.json"), config -> {
            config.remove("force_upcast");
            if (upcast != null) {
                config.put("force_upcast", upcast);
            }
        });
        try (Device dry = Devices.dry(dtype);
                LoadedModel shapes = LoadedModel.of(dry, ModelFiles.open(model.toString()), dtype)
                        .shapes(dry)) {
            assertEquals(expected, shapes.networks().vae().dtype());
            assertEquals(dtype, shapes.networks().unet().dtype());
        }
    }

    @Test
    @DisplayName(
            "correctness 22: latents are multiplied by 0.18215 where the VAE says nothing; means and deviations of their own are refused")
    void haveTheUsualScale() {
        Path model = TinyCheckpoints.copy("sd1", folder.resolve("scale"));
        TinyCheckpoints.edit(model.resolve("vae/config.json"), config -> config.remove("scaling_factor"));
        assertEquals(0.18215f, load(model).networks().vaeConfig().scalingFactor());
        TinyCheckpoints.edit(model.resolve("vae/config.json"), config -> config.putArray("latents_mean")
                .add(0.1));
        IllegalArgumentException e = assertThrows(IllegalArgumentException.class, () -> load(model));
        assertTrue(String.valueOf(e.getMessage()).contains("latents_mean"), e.getMessage());
    }

    @ParameterizedTest
    @CsvSource({"1000, 20", "-1000, -30"})
    @DisplayName(
            "correctness 24: the logarithm of the variance is held between -30 and 20, and latents are drawn, not their mean taken")
    void boundTheVariance(float bias, float expected) {
        Path model = TinyCheckpoints.copy("sd1", folder.resolve("variance"));
        TinyCheckpoints.change(model, "vae", "quant_conv.bias", values -> {
            Arrays.fill(values, 4, 8, bias); // the means, then the logarithms of the variances
            return values;
        });
        try (LoadedModel loaded = load(model);
                Scope scope = Scope.open(cpu, "test")) {
            Ops ops = cpu.ops(scope);
            Tensor picture = ops.upload(Shape.of(1, 16, 16, 3), new float[16 * 16 * 3]);
            Autoencoder.Gaussian latents = loaded.networks().vae().encode(ops, picture);
            for (float value : latents.logVariance().toHost()) {
                assertEquals(expected, value);
            }
            float[] ones = new float[16];
            Arrays.fill(ones, 1);
            float[] drawn = latents.sample(ops, ops.upload(latents.mean().shape(), ones))
                    .toHost();
            float[] mean = latents.mean().toHost();
            for (int i = 0; i < mean.length; i++) {
                assertEquals(mean[i] + Math.exp(expected / 2), drawn[i], 1e-3 * Math.exp(expected / 2) + 1e-6);
            }
        }
    }

    /** A U-Net with a layer for the guidance, whose weights are those of the tiny model and a multiple of the unit matrix. */
    @Test
    @DisplayName(
            "correctness 21: a distilled model is told the guidance by sinusoids of 1000 (w - 1), and is not asked twice")
    void tellGuidance() {
        Path model = TinyCheckpoints.copy("sd1", folder.resolve("lcm"));
        int finest = ModelFiles.open(model.toString())
                .config("unet")
                .path("block_out_channels")
                .path(0)
                .asInt();
        TinyCheckpoints.edit(model.resolve("unet/config.json"), config -> config.put("time_cond_proj_dim", finest));
        float[] unit = new float[finest * finest];
        for (int i = 0; i < finest; i++) {
            unit[i * finest + i] = 1;
        }
        String name = "time_embedding.cond_proj.weight";
        TinyCheckpoints.add(model, "unet", name, HostTensor.of(name, Shape.of(finest, finest), unit));
        try (LoadedModel lcm = load(model);
                LoadedModel plain = load(TinyCheckpoints.of("sd1"));
                Scope scope = Scope.open(cpu, "test")) {
            Ops ops = cpu.ops(scope);
            UNet unet = lcm.networks().unet();
            Tensor context = lcm.text().encode(ops, Texts.of(TEXT, 1)).context();
            Tensor x = ops.upload(Shape.of(1, 8, 8, 4), new float[256]);
            // Guidance of 1 is told by cosines of 0, sines of 0: ones and zeros, which are not nothing.
            Map<Double, float[]> results = new HashMap<>();
            for (double guidance : new double[] {1, 1.5, 7.5}) {
                Conditioning conditioning = unet.condition(ops, context);
                results.put(
                        guidance,
                        unet.forward(
                                        ops,
                                        x,
                                        unet.times(
                                                        ops,
                                                        new float[][] {{500}},
                                                        conditioning,
                                                        OptionalDouble.of(guidance))
                                                .first(ops),
                                        conditioning)
                                .toHost());
            }
            assertNotEquals(List.of(first(results, 1.0)), List.of(first(results, 1.5)));
            assertNotEquals(List.of(first(results, 7.5)), List.of(first(results, 1.5)));
            assertArrayEquals(shifted(ops, plain, context, x, finest), results.get(1.5), 1e-4f);
        }
    }

    /** What the plain model answers when the guidance of 1.5 is added to the bias of its time embedding's first layer, which is linear. */
    private float[] shifted(Ops ops, LoadedModel plain, Tensor context, Tensor x, int finest) {
        Path model = TinyCheckpoints.copy("sd1", folder.resolve("shifted"));
        double[] told = new double[finest];
        for (int i = 0; i < finest / 2; i++) { // sines first, frequencies 10000^(-i / (n - 1)): a shift of 1
            double angle = 500 * Math.pow(10000, -i / (finest / 2 - 1.0));
            told[i] = Math.sin(angle);
            told[finest / 2 + i] = Math.cos(angle);
        }
        float[] weights = plain.files()
                .weights("unet")
                .get("time_embedding.linear_1.weight")
                .toFloats();
        TinyCheckpoints.change(model, "unet", "time_embedding.linear_1.bias", bias -> {
            for (int row = 0; row < bias.length; row++) {
                double sum = bias[row];
                for (int i = 0; i < finest; i++) {
                    sum += weights[row * finest + i] * told[i];
                }
                bias[row] = (float) sum;
            }
            return bias;
        });
        try (LoadedModel loaded = load(model)) {
            UNet unet = loaded.networks().unet();
            Conditioning conditioning = unet.condition(ops, context);
            return unet.forward(
                            ops,
                            x,
                            unet.times(ops, new float[][] {{500}}, conditioning).first(ops),
                            conditioning)
                    .toHost();
        }
    }

    private static float first(Map<Double, float[]> results, double guidance) {
        return Objects.requireNonNull(results.get(guidance))[0];
    }
}
