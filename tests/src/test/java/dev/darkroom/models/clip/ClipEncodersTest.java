package dev.darkroom.models.clip;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.darkroom.cpu.CpuDevice;
import dev.darkroom.dry.DryDevice;
import dev.darkroom.nn.Parameters;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Device;
import dev.darkroom.tensor.HostTensor;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import dev.darkroom.weights.ClipFiles;
import dev.darkroom.weights.MadeUpWeights;
import dev.darkroom.weights.ModelComponent;
import dev.darkroom.weights.ReferenceFiles;
import dev.darkroom.weights.SafetensorsWriter;
import dev.darkroom.weights.WeightPath;
import dev.darkroom.weights.WeightSource;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** CLIP's encoders apart from their numbers, which {@code verify} compares: where they pool, how deep they go, what folders they come from. */
final class ClipEncodersTest {
    private final CpuDevice device = CpuDevice.open(2, /* poison= */ true);
    private final Scope scope = Scope.open(device, "test");
    private final Ops ops = device.ops(scope);
    private final ClipFiles files = ClipFiles.open(ReferenceFiles.of("checkpoints/clip").toString());

    @AfterEach
    void nothingIsLeftAlive() {
        scope.close();
        device.close(); // throws when anything is alive
    }

    private Parameters parameters(WeightSource weights) {
        return new Parameters(ops, DType.F32, WeightPath.of(weights));
    }

    private ObjectNode textConfig() {
        return files.config().path("text_config").deepCopy();
    }

    private ClipTextEncoder text(JsonNode config) {
        return new ClipTextEncoder(parameters(files.weights()), ClipTextConfig.of("test", config));
    }

    private static int[][] ids(int... ids) {
        return new int[][] {ids};
    }

    /** correctness.md, point 4: the first end of text is pooled, wherever larger ids stand; only the id 2 of old configurations means the largest. */
    @Test
    void textsArePooledAtTheirFirstEndOfTextAfterTheFinalNorm() {
        int[][] ids = ids(1012, 7, 1011, 900, 1013, 900, 900); // 1011 is larger than 900, the end in the first configuration
        for (Map.Entry<Integer, Integer> each : Map.of(900, 3, 1013, 4, 2, 4).entrySet()) {
            ClipTextEncoder encoder = text(textConfig().put("eos_token_id", each.getKey()));
            ClipTextEncoder.Output out = encoder.encode(ops, ids);
            Tensor last = encoder.normalised(ops, out.hiddenStates().get(out.hiddenStates().size() - 1));
            float[] expected = last.reshape(7, 24).rows(each.getValue(), each.getValue() + 1).toHost();
            assertArrayEquals(expected, out.pooled().toHost(), "end " + each.getKey());
        }
    }

    /** correctness.md, point 6, in the network: the state N - 1 layers before the last, normalised, is all that an encoder without those layers says. */
    @Test
    void aSkippedLayerIsOneThatWasNeverThere() {
        int[][] ids = ids(1012, 7, 300, 45, 1013, 1013);
        ClipTextEncoder whole = text(textConfig());
        List<Tensor> states = whole.encode(ops, ids).hiddenStates();
        for (int skip = 1; skip <= 3; skip++) {
            ClipTextEncoder shorter = text(textConfig().put("num_hidden_layers", 4 - skip));
            List<Tensor> fewer = shorter.encode(ops, ids).hiddenStates();
            assertArrayEquals(
                    shorter.normalised(ops, fewer.get(fewer.size() - 1)).toHost(),
                    whole.normalised(ops, states.get(states.size() - skip)).toHost(),
                    "clip skip " + skip);
        }
    }

    private Tensor pictures(Ops where, int count, int size) {
        float[] values = new float[count * size * size * 3];
        Random random = new Random(5);
        IntStream.range(0, values.length).forEach(i -> values[i] = (float) random.nextGaussian());
        return where.upload(Shape.of(count, size, size, 3), values);
    }

    @Test
    void aPicturesEmbeddingDoesNotDependOnItsNeighbours() {
        ClipModel model = new ClipModel(parameters(files.weights()), ClipConfig.of("test", files.config()));
        Tensor pixels = pictures(ops, 5, 32);
        float[][] together = model.embedImages(ops, pixels);
        for (int i = 0; i < 5; i++) {
            assertArrayEquals(together[i], model.embedImages(ops, pixels.rows(i, i + 1))[0]);
        }
    }

    @Test
    void picturesOfAnotherSizeAreRefused() {
        ClipModel model = new ClipModel(parameters(files.weights()), ClipConfig.of("test", files.config()));
        String message = String.valueOf(assertThrows(
                        IllegalArgumentException.class, () -> model.embedImages(ops, pictures(ops, 1, 40)))
                .getMessage());
        assertEquals("image encoder: takes pictures [n, 32, 32, 3], given [1, 40, 40, 3]", message);
    }

    @Test
    void configurationsThatCannotBeAreRefused() throws Exception {
        for (String[] bad : new String[][] {
            {"{\"num_channels\": 4}", "num_channels is 4"},
            {"{\"hidden_act\": \"relu\"}", "hidden_act is \"relu\""},
            {"{\"patch_size\": 300}", "patch_size is 300, more than image_size"},
            {"{\"num_attention_heads\": 7}", "num_attention_heads is 7, which does not divide"},
        }) {
            JsonNode json = new ObjectMapper().readTree(bad[0]);
            String message = String.valueOf(
                    assertThrows(IllegalArgumentException.class, () -> ClipVisionConfig.of("there", json)).getMessage());
            assertTrue(message.startsWith("there: " + bad[1]), message);
        }
    }

    /** transformers writes an encoder of its own with the prefix of CLIPModel up to version 4, and without from 5 on. */
    @Test
    void encodersOfTheirOwnAreReadWithAndWithoutPrefix(@TempDir Path folder) throws Exception {
        ClipModel whole = new ClipModel(parameters(files.weights()), ClipConfig.of("test", files.config()));
        Tensor pixels = pictures(ops, 2, 32);
        float[] image = Objects.requireNonNull(whole.image().encode(ops, pixels).projected()).toHost();
        int[][] ids = ids(1012, 7, 300, 1013);
        float[] text = Objects.requireNonNull(whole.text().encode(ops, ids).projected()).toHost();
        for (boolean prefixed : new boolean[] {true, false}) {
            Path part = Files.createDirectory(folder.resolve("vision" + prefixed));
            write(part, "vision", "visual_projection", prefixed, "CLIPVisionModelWithProjection");
            ModelComponent vision = ModelComponent.open(part);
            ClipImageEncoder encoder =
                    new ClipImageEncoder(parameters(vision.weights()), ClipVisionConfig.of("test", vision.config()));
            assertArrayEquals(image, Objects.requireNonNull(encoder.encode(ops, pixels).projected()).toHost());
            part = Files.createDirectory(folder.resolve("text" + prefixed));
            write(part, "text", "text_projection", prefixed, "CLIPTextModelWithProjection");
            ModelComponent texts = ModelComponent.open(part);
            ClipTextEncoder textEncoder =
                    new ClipTextEncoder(parameters(texts.weights()), ClipTextConfig.of("test", texts.config()));
            assertArrayEquals(text, Objects.requireNonNull(textEncoder.encode(ops, ids).projected()).toHost());
        }
    }

    /** Writes one encoder of the reference's CLIPModel as a folder of class {@code architecture}. */
    private void write(Path folder, String kind, String projection, boolean prefixed, String architecture) throws Exception {
        Map<String, HostTensor> tensors = new LinkedHashMap<>();
        String prefix = kind + "_model.";
        for (String name : files.weights().names()) {
            if (name.startsWith(prefix) || name.startsWith(projection)) {
                tensors.put(prefixed || name.startsWith(projection) ? name : name.substring(prefix.length()), files.weights().get(name));
            }
        }
        SafetensorsWriter.write(folder.resolve("model.safetensors"), tensors, Map.of());
        ObjectNode config = files.config().path(kind + "_config").deepCopy();
        config.putArray("architectures").add(architecture);
        Files.writeString(folder.resolve("config.json"), config.toString());
    }

    @Test
    void theDryDevicePredictsThePeakOfAnImageEncoder() {
        ObjectNode config = new ObjectMapper().createObjectNode();
        config.put("hidden_size", 256).put("intermediate_size", 1024).put("num_hidden_layers", 2);
        config.put("num_attention_heads", 4).put("patch_size", 16);
        try (DryDevice dry = new DryDevice(DType.F32);
                CpuDevice cpu = CpuDevice.open(2, false)) {
            long measured = peak(cpu, ClipVisionConfig.of("test", config));
            assertEquals(measured, peak(dry, ClipVisionConfig.of("test", config)), 0.05 * measured);
        }
    }

    private long peak(Device on, ClipVisionConfig config) {
        try (Scope root = Scope.open(on, "peak")) {
            Ops there = on.ops(root);
            WeightSource zeros = new MadeUpWeights((name, shape) ->
                    HostTensor.of(name, shape, new float[Math.toIntExact(shape.count())]));
            ClipImageEncoder encoder =
                    new ClipImageEncoder(new Parameters(there, DType.F32, WeightPath.of(zeros)), config);
            Tensor pixels = pictures(there, 4, 224);
            on.pool().resetPeak();
            encoder.encode(there, pixels);
            on.synchronize();
            return on.pool().statistics().peak();
        }
    }
}
