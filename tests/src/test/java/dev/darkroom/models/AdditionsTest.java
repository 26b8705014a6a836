package dev.darkroom.models;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.darkroom.device.Devices;
import dev.darkroom.models.unet.Additions;
import dev.darkroom.models.unet.Conditioning;
import dev.darkroom.models.unet.Residuals;
import dev.darkroom.models.unet.TimeTable;
import dev.darkroom.models.unet.UNet;
import dev.darkroom.models.unet.UNetConfig;
import dev.darkroom.nn.Parameters;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Device;
import dev.darkroom.tensor.HostTensor;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import dev.darkroom.weights.MadeUpWeights;
import dev.darkroom.weights.WeightPath;
import java.io.IOException;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** A small U-Net with random weights; where diffusers' UNet2DConditionModel adds what other networks give it. */
@DisplayName("What is added to a U-Net's activations")
class AdditionsTest {
    @SuppressWarnings("InlineFormatString") // a text block reads best by itself
    private static final String CONFIG = """
            {"_class_name": "UNet2DConditionModel", "block_out_channels": [8, 12], "layers_per_block": 1,
             "down_block_types": ["%s", "%s"], "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D"],
             "attention_head_dim": 2, "cross_attention_dim": 8, "norm_num_groups": 4}
            """;

    private static final String CROSS = "CrossAttnDownBlock2D";
    private static final String PLAIN = "DownBlock2D";

    private Device device = Devices.open("cpu", 1);
    private Scope scope = Scope.open(device, "test");
    private final Map<String, float[]> seen = new HashMap<>();

    @BeforeEach
    void watch() {
        device.observe((path, result) -> seen.put(path.replace("test/unet/", ""), result.toHost()));
    }

    @AfterEach
    void close() {
        scope.close();
        device.close();
    }

    private float[] run(String first, String second, Additions additions) {
        Ops ops = device.ops(scope);
        Random random = new Random(3);
        WeightPath path = WeightPath.of(new MadeUpWeights((name, shape) -> normal(random, shape)));
        UNet unet = new UNet(new Parameters(ops, DType.F32, path), config(first, second));
        Conditioning conditioning = unet.condition(ops, ops.upload(normal(random, Shape.of(2, 3, 8)), DType.F32));
        TimeTable.Time time =
                unet.times(ops, new float[][] {{300}}, conditioning).first(ops);
        Tensor x = ops.upload(normal(random, Shape.of(2, 4, 6, 4)), DType.F32);
        seen.clear();
        return unet.forward(ops, x, time, conditioning, additions).toHost();
    }

    private static UNetConfig config(String first, String second) {
        try {
            return UNetConfig.of("small", new ObjectMapper().readTree(String.format(CONFIG, first, second)));
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    private static HostTensor normal(Random random, Shape shape) {
        float[] values = new float[Math.toIntExact(shape.count())];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian() * 0.3f;
        }
        return HostTensor.of("normal", shape, values);
    }

    private Tensor constant(float value, int... dims) {
        float[] values = new float[Math.toIntExact(Shape.of(dims).count())];
        Arrays.fill(values, value);
        return device.ops(scope).upload(Shape.of(dims), values);
    }

    private Additions features(float value, int firstHeight) {
        return new Additions(
                List.of(),
                List.of(List.of(
                        constant(value, 1, firstHeight, firstHeight * 3 / 2, 8), constant(value, 1, 2, 3, 12))));
    }

    private static float[] raised(float[] values, float by) {
        float[] sum = values.clone();
        for (int i = 0; i < sum.length; i++) {
            sum[i] += by;
        }
        return sum;
    }

    private float[] at(String path) {
        return Objects.requireNonNull(seen.get(path), path);
    }

    /** The down block's results are observed one after the other under one path, so that the last one stays. */
    @Test
    void featuresOfALevelThatLooksAtTheTextEnterBeforeItIsHalved() {
        run(CROSS, CROSS, features(0, 4));
        float[] plain = at("down_blocks.0");
        float[] layer = at("down_blocks.0/layer.0");
        run(CROSS, CROSS, features(0.5f, 4));
        assertArrayEquals(layer, at("down_blocks.0/layer.0"), "the layer itself does not know of them");
        assertFalse(Arrays.equals(plain, at("down_blocks.0")), "what is halved does");
        float[] last = at("down_blocks.1/layer.0");
        assertArrayEquals(raised(last, 0.5f), at("down_blocks.1"), "the coarsest level's result");
    }

    @Test
    void thoseOfALevelThatDoesNotEnterAfterIt() {
        run(PLAIN, CROSS, features(0, 2));
        float[] plain = at("down_blocks.0");
        run(PLAIN, CROSS, features(0.5f, 2));
        assertArrayEquals(raised(plain, 0.5f), at("down_blocks.0"));
    }

    @Test
    void oneMoreFeatureEntersAfterTheMiddle() {
        float[] none = run(PLAIN, CROSS, features(0, 2));
        Tensor zero = constant(0, 1, 2, 3, 8);
        Tensor one = constant(0, 1, 2, 3, 12);
        float[] mid = at("mid_block");
        float[] more =
                run(PLAIN, CROSS, new Additions(List.of(), List.of(List.of(zero, one, constant(0.5f, 1, 2, 3, 12)))));
        assertArrayEquals(mid, at("mid_block"), "the middle itself does not know of it");
        assertFalse(Arrays.equals(none, more));
    }

    private Residuals residuals(float value, int images) {
        return new Residuals(
                List.of(
                        constant(value, images, 4, 6, 8),
                        constant(value, images, 4, 6, 8),
                        constant(value, images, 2, 3, 8),
                        constant(value, images, 2, 3, 12)),
                constant(value, images, 2, 3, 12));
    }

    @Test
    void residualsOfFewerImagesReachTheLastOnesAlone() {
        float[] plain = run(CROSS, CROSS, Additions.NONE);
        float[] all = run(CROSS, CROSS, new Additions(List.of(residuals(0.5f, 2)), List.of()));
        float[] one = run(CROSS, CROSS, new Additions(List.of(residuals(0.5f, 1)), List.of()));
        int half = plain.length / 2;
        assertArrayEquals(Arrays.copyOf(plain, half), Arrays.copyOf(one, half), "the first image");
        assertArrayEquals(
                Arrays.copyOfRange(all, half, plain.length), Arrays.copyOfRange(one, half, plain.length), "the last");
        assertFalse(Arrays.equals(plain, all));
    }

    @Test
    void residualsDoNotReachTheWayDown() {
        run(CROSS, CROSS, Additions.NONE);
        Map<String, float[]> before = new HashMap<>(seen);
        run(CROSS, CROSS, new Additions(List.of(residuals(0.5f, 2)), List.of()));
        for (String path : List.of("down_blocks.0", "down_blocks.1", "mid_block")) {
            assertArrayEquals(before.get(path), at(path), path);
        }
    }
}
