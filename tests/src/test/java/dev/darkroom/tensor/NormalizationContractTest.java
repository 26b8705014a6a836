package dev.darkroom.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import dev.darkroom.tensor.Devices.Subject;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@DisplayName("Normalisations")
class NormalizationContractTest extends OnEveryDevice {
    private static final float EPSILON = 1e-5f;

    NormalizationContractTest(Subject subject) {
        super(subject);
    }

    @ParameterizedTest(name = "{0} images of {1} x {2}, {3} channels in {4} groups, mean {5}, deviation {6}")
    @CsvSource({
        "1, 1, 1, 320, 32, 0, 1",
        "2, 7, 5, 320, 32, 1, 3",
        "1, 64, 64, 40, 8, 0, 1",
        "3, 5, 3, 40, 40, 0, 2",
        "1, 9, 9, 4, 1, -2, 1",
        "1, 17, 15, 10, 2, 0, 1",
        "1, 1, 2, 3, 3, 0, 1",
        "2, 241, 17, 10, 5, 0, 1",
        "1, 15, 17, 64, 32, 100, 1",
        "1, 15, 17, 320, 32, 1000, 1",
        "1, 9, 7, 320, 32, 0, 1e-4", // about as large as epsilon
        "1, 9, 7, 64, 32, 0, 1e4"
    })
    void groupNorm(int n, int h, int w, int channels, int groups, double mean, double deviation) {
        Values x = held(mean, deviation, n, h, w, channels);
        Values gain = normal(1, 0.5, channels);
        Values bias = normal(0, 1, channels);
        check(
                ops.groupNorm(upload(x), affine(gain, bias), groups, EPSILON),
                r -> Formulas.groupNorm(r, x, gain, bias, groups, EPSILON));
    }

    /** A device may take a map's moments as it computes the map; the copy comes without any. */
    @ParameterizedTest(name = "{0} maps of {1} x {2}, {3} to {4} channels, kernel {5}, {6} groups, mean {7}")
    @CsvSource({
        "1, 8, 8, 320, 320, 3, 32, 0", // a depth that is split
        "3, 8, 8, 16, 320, 3, 32, 100", // tiles across images
        "3, 16, 12, 8, 40, 3, 4, 1000",
        "2, 16, 20, 32, 72, 1, 9, -3",
        "1, 64, 68, 4, 24, 3, 3, -30", // many parts
        "2, 7, 9, 8, 32, 3, 8, 1", // no whole parts
        "1, 8, 8, 8, 33, 1, 3, 0"
    })
    void groupNormOfWhatADeviceComputedIsThatOfACopy(
            int n, int h, int w, int in, int out, int kernel, int groups, double mean) {
        Tensor x = upload(held(0, 1, n, h, w, in));
        Conv2dWeight layer = ops.conv2dWeight(
                host(normal(0, 1 / (kernel * Math.sqrt(in)), out, in, kernel, kernel)),
                host(normal(mean, 1, out)),
                Conv2dWeight.Geometry.same(kernel),
                dtype);
        Affine affine = affine(normal(1, 0.5, out), normal(0, 1, out));
        Tensor map = ops.conv2d(x, layer);
        Tensor copy = ops.concatRows(map);
        assertArrayEquals(
                ops.groupNorm(copy, affine, groups, EPSILON).toHost(),
                ops.groupNorm(map, affine, groups, EPSILON).toHost());

        int both = out + in;
        int few = both % 3 == 0 ? 3 : both % 2 == 0 ? 2 : 1; // groups, some of which lie in both maps
        Affine affineOfBoth = affine(normal(1, 0.5, both), normal(0, 1, both));
        assertArrayEquals(
                ops.groupNormSilu(ops.concatChannels(copy, x), affineOfBoth, few, EPSILON)
                        .toHost(),
                ops.groupNormSiluConcat(map, x, affineOfBoth, few, EPSILON).toHost());
    }

    @Test
    void groupNormOfTokens() {
        Values x = held(0, 1, 2, 77, 40);
        Values gain = normal(1, 0.5, 40);
        Values bias = normal(0, 1, 40);
        check(
                ops.groupNorm(upload(x), affine(gain, bias), 4, 1e-6f),
                r -> Formulas.groupNorm(r, x, gain, bias, 4, 1e-6f));
    }

    @Test
    void groupNormOfEqualNumbersIsTheBias() {
        Values x = new Values(Shape.of(1, 3, 3, 8), new double[72]).map(zero -> 0.5);
        Values gain = normal(1, 0.5, 8);
        Values bias = normal(0, 1, 8);
        check(
                ops.groupNorm(upload(x), affine(gain, bias), 2, EPSILON),
                r -> Formulas.groupNorm(r, x, gain, bias, 2, EPSILON));
    }

    @ParameterizedTest(name = "{0} rows of {1} channels, mean {2}, deviation {3}")
    @CsvSource({
        "1, 320, 0, 1",
        "7, 1, 0, 1",
        "255, 3, 0, 1",
        "4097, 10, 0, 1",
        "77, 768, 1, 5",
        "154, 40, 100, 1",
        "33, 320, 1000, 1",
        "33, 320, 0, 1e4",
        "2, 1280, 0, 1e-3"
    })
    void layerNorm(int rows, int channels, double mean, double deviation) {
        Values x = held(mean, deviation, rows, channels);
        Values gain = normal(1, 0.5, channels);
        Values bias = normal(0, 1, channels);
        check(
                ops.layerNorm(upload(x), affine(gain, bias), EPSILON),
                r -> Formulas.layerNorm(r, x, gain, bias, EPSILON));
    }

    private Affine affine(Values gain, Values bias) {
        return new Affine(upload(gain, DType.F32), upload(bias, DType.F32));
    }
}
