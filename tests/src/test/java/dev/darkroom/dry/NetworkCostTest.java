package dev.darkroom.dry;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.darkroom.models.clip.ClipImageEncoder;
import dev.darkroom.models.clip.ClipTextConfig;
import dev.darkroom.models.clip.ClipTextEncoder;
import dev.darkroom.models.clip.ClipVisionConfig;
import dev.darkroom.models.unet.Conditioning;
import dev.darkroom.models.unet.TimeTable;
import dev.darkroom.models.unet.UNet;
import dev.darkroom.models.unet.UNetConfig;
import dev.darkroom.models.vae.Autoencoder;
import dev.darkroom.models.vae.VaeConfig;
import dev.darkroom.nn.Attention;
import dev.darkroom.nn.Parameters;
import dev.darkroom.nn.SpatialTransformer;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import dev.darkroom.weights.ModelFamily;
import dev.darkroom.weights.PublishedConfigs;
import dev.darkroom.weights.ShapesOnlyWeights;
import dev.darkroom.weights.WeightPath;
import java.io.IOException;
import java.time.Duration;
import java.util.Objects;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/**
 * Parameters, and floating point operations of matrix products, convolutions and attention, of the published networks, counted
 * independently with torch's meta tensors (two for each multiply-add, convolutions after an upsampling in full).
 */
@DisplayName("The published networks cost what they should")
class NetworkCostTest {
    private static final Set<String> COUNTED = Set.of("linear", "conv2d", "attention");

    private final DryDevice device = new DryDevice(DType.BF16);
    private final Scope scope = Scope.open(device, "test");
    private final Ops ops = device.ops(scope);
    private final ShapesOnlyWeights weights = new ShapesOnlyWeights("published", DType.F16);
    private final Parameters parameters = new Parameters(ops, DType.BF16, WeightPath.of(weights));
    private final long start = System.nanoTime();

    @AfterEach
    void wellUnderASecondEachAndNothingLeftAlive() {
        Duration taken = Duration.ofNanos(System.nanoTime() - start);
        assertTrue(taken.toMillis() < 2000, "took " + taken); // a tenth of it alone; the rest is for a busy machine
        scope.close();
        device.close();
    }

    @Test
    void unetOfStableDiffusion15() {
        UNet unet = new UNet(parameters, UNetConfig.of("sd1", PublishedConfigs.of(ModelFamily.SD1, "unet")));
        Conditioning conditioning = unet.condition(ops, tensor(1, 77, 768));
        unet.forward(ops, tensor(1, 64, 64, 4), time(unet, conditioning), conditioning);
        assertCost(859.52, 0.8033);
    }

    @Test
    void unetOfSdxl() {
        UNet unet = new UNet(parameters, UNetConfig.of("sdxl", PublishedConfigs.of(ModelFamily.SDXL, "unet")));
        Tensor sizes = scope.allocate(Shape.of(1, 6), DType.F32);
        Conditioning conditioning = unet.condition(ops, tensor(1, 77, 2048), tensor(1, 1280), sizes);
        unet.forward(ops, tensor(1, 128, 128, 4), time(unet, conditioning), conditioning);
        assertCost(2567.46, 6.7612);
    }

    @Test
    void autoencoderOfStableDiffusion15() {
        Autoencoder vae = new Autoencoder(parameters, VaeConfig.of("sd1", PublishedConfigs.of(ModelFamily.SD1, "vae")));
        vae.decode(ops, tensor(1, 64, 64, 4));
        assertCost(83.65, 2.5145);
    }

    @Test
    void textEncoderOfStableDiffusion15() {
        ClipTextEncoder encoder = new ClipTextEncoder(
                parameters, ClipTextConfig.of("sd1", PublishedConfigs.of(ModelFamily.SD1, "text_encoder")));
        encoder.encode(ops, new int[1][77]);
        assertCost(123.06, 0.0133);
        Tally.Cost products =
                Objects.requireNonNull(device.tally().byOperation().get("linear"));
        assertEquals(12 * 4, products.calls());
    }

    @Test
    void imageEncoderOfVitL14() throws IOException {
        encodePicture(
                """
                {"architectures": ["CLIPVisionModelWithProjection"], "hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24,
                 "num_attention_heads": 16, "patch_size": 14, "projection_dim": 768}""");
        assertCost(303.97, 0.1620);
    }

    /** OpenCLIP's, which IP-Adapter looks with. */
    @Test
    void imageEncoderOfVitH14() throws IOException {
        encodePicture(
                """
                {"architectures": ["CLIPVisionModelWithProjection"], "hidden_size": 1280, "intermediate_size": 5120, "num_hidden_layers": 32,
                 "num_attention_heads": 16, "patch_size": 14, "projection_dim": 1024, "hidden_act": "gelu"}""");
        assertCost(632.08, 0.3346);
    }

    private void encodePicture(String config) throws IOException {
        ClipVisionConfig parsed = ClipVisionConfig.of("published", new ObjectMapper().readTree(config));
        new ClipImageEncoder(parameters, parsed).encode(ops, tensor(1, 224, 224, 3));
    }

    /** Normalised queries, keys and values; attention; its output; the same for the text, with queries alone; gated inner channels; output. */
    @Test
    void transformerBlocksTakeEightOperationsEach() {
        assertEquals(8, operationsOfTransformer(3) - operationsOfTransformer(2));
    }

    private long operationsOfTransformer(int depth) {
        SpatialTransformer transformer =
                new SpatialTransformer(parameters, 320, new SpatialTransformer.Sizes(depth, 768, 8, 32, false));
        Attention.KeysValues text = new Attention.KeysValues(tensor(1, 77, 320), tensor(1, 77, 320));
        device.tally().reset();
        transformer.forward(ops, tensor(1, 64, 64, 320), attention -> text);
        return device.tally().total().calls();
    }

    private Tensor tensor(int... dims) {
        return scope.allocate(Shape.of(dims), DType.BF16);
    }

    private TimeTable.Time time(UNet unet, Conditioning conditioning) {
        return unet.times(ops, new float[1][1], conditioning).first(ops);
    }

    /** @param millions of parameters, to two decimals; @param teraFlops to four */
    private void assertCost(double millions, double teraFlops) {
        long parameterCount =
                weights.asked().values().stream().mapToLong(Shape::count).sum();
        assertEquals(millions, parameterCount / 1e6, 0.005);
        long flops = device.tally().byOperation().entrySet().stream()
                .filter(entry -> COUNTED.contains(entry.getKey()))
                .mapToLong(entry -> entry.getValue().flops())
                .sum();
        assertEquals(teraFlops, flops / 1e12, 0.00005);
    }
}
