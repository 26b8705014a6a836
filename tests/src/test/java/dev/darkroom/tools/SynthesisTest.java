package dev.darkroom.tools;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.HostTensor;
import dev.darkroom.tensor.Shape;
import dev.darkroom.weights.ReferenceFiles;
import java.util.Arrays;
import java.util.Map;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

@DisplayName("A synthetic checkpoint")
class SynthesisTest {
    /** Published counts, in millions to the hundredth. */
    @ParameterizedTest
    @CsvSource({
        "SD15, unet, 859.52",
        "SD15, vae, 83.65",
        "SD15, text_encoder, 123.06",
        "SD15_INPAINTING, unet, 859.54",
        "SD21, unet, 865.91",
        "SD21, text_encoder, 340.39",
        "SDXL, unet, 2567.46",
        "SDXL, text_encoder, 123.06",
        "SDXL, text_encoder_2, 694.66",
        "SDXL, vae, 83.65",
    })
    void hasAsManyParametersAsThePublishedModel(Architecture architecture, String network, double millions) {
        long count = architecture.tensors(network).values().stream()
                .mapToLong(Shape::count)
                .sum();
        assertEquals(millions, count / 1e6, 0.005);
    }

    @ParameterizedTest
    @EnumSource(names = {"F32", "F16", "BF16"})
    void isNormalWithTheVarianceOfItsFanIn(DType dtype) {
        Shape shape = Shape.of(640, 320, 3, 3);
        HostTensor kernel = tensor(7, dtype, "down.conv1.weight", shape);
        float[] values = kernel.toFloats();
        double sum = 0;
        double squares = 0;
        double fourth = 0;
        for (float value : values) {
            sum += value;
            squares += (double) value * value;
            fourth += Math.pow(value, 4);
        }
        double variance = squares / values.length;
        assertEquals(0, sum / values.length / Math.sqrt(variance), 5 / Math.sqrt(values.length));
        assertEquals(1.0 / (320 * 9), variance, 0.02 / (320 * 9));
        assertEquals(3, fourth / values.length / (variance * variance), 0.1);
    }

    @Test
    void hasGainsOf1BiasesOf0AndQuietEndsOfResidualBranches() {
        Shape shape = Shape.of(64);
        assertEquals(
                1,
                Arrays.stream(doubles(tensor(1, DType.F16, "norm1.weight", shape)))
                        .distinct()
                        .sum());
        assertEquals(
                0,
                Arrays.stream(doubles(tensor(1, DType.F16, "norm1.bias", shape)))
                        .distinct()
                        .sum());
        Shape matrix = Shape.of(64, 400);
        assertEquals(0.05, RandomWeights.deviation("attn1.to_q.weight", matrix), 1e-8);
        assertEquals(0.015, RandomWeights.deviation("attn1.to_out.0.weight", matrix), 1e-8);
    }

    @Test
    void dependsOnItsSeedAlone() {
        Shape shape = Shape.of(33, 7);
        byte[] first = ReferenceFiles.bytes(tensor(5, DType.BF16, "a.weight", shape));
        assertArrayEquals(first, ReferenceFiles.bytes(tensor(5, DType.BF16, "a.weight", shape)));
        assertFalse(Arrays.equals(first, ReferenceFiles.bytes(tensor(6, DType.BF16, "a.weight", shape))));
        assertFalse(Arrays.equals(first, ReferenceFiles.bytes(tensor(5, DType.BF16, "b.weight", shape))));
    }

    private static HostTensor tensor(long seed, DType dtype, String name, Shape shape) {
        return new RandomWeights(seed, dtype)
                .tensors(Map.of(name, shape))
                .values()
                .iterator()
                .next();
    }

    private static double[] doubles(HostTensor tensor) {
        float[] values = tensor.toFloats();
        double[] doubles = new double[values.length];
        Arrays.setAll(doubles, i -> values[i]);
        return doubles;
    }
}
