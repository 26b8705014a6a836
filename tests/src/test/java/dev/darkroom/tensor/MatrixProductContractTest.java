package dev.darkroom.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.darkroom.tensor.Devices.Subject;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@DisplayName("Matrix products and convolutions")
class MatrixProductContractTest extends OnEveryDevice {
    MatrixProductContractTest(Subject subject) {
        super(subject);
    }

    @ParameterizedTest(name = "{0} rows, {1} to {2} channels, bias {3}")
    @CsvSource({
        "1, 1, 1, true",
        "1, 320, 40, true",
        "7, 3, 10, false",
        "7, 40, 320, true",
        "255, 10, 4, true",
        "77, 64, 128, false",
        "4097, 40, 10, true",
        "4097, 4, 3, false",
        "2, 1280, 33, true"
    })
    void linear(int rows, int in, int out, boolean hasBias) {
        Values x = held(0, 1, rows, in);
        Values weight = normal(0, 1 / Math.sqrt(in), out, in);
        Values bias = normal(0, 1, out);
        LinearWeight layer = ops.linearWeight(host(weight), hasBias ? host(bias) : null, dtype);
        assertEquals(Shape.of(out, in), layer.shape());
        assertEquals(hasBias, layer.hasBias());
        check(ops.linear(upload(x), layer), r -> Formulas.linear(r, x, weight.in(dtype), hasBias ? bias : null));
    }

    @Test
    void linearTakesAnyNumberOfDimensions() {
        Values x = held(0, 1, 2, 3, 5, 8);
        Values weight = normal(0, 1, 12, 8);
        LinearWeight layer = ops.linearWeight(host(weight), null, dtype);
        check(ops.linear(upload(x), layer), r -> Formulas.linear(r, x, weight.in(dtype), null));
        check(
                ops.linear(upload(x).rows(1, 2).reshape(15, 8), layer),
                r -> Formulas.linear(r, x.images(1, 2).reshape(15, 8), weight.in(dtype), null));
        assertEquals(
                Shape.of(0, 12),
                ops.linear(upload(x).reshape(-1, 8).rows(3, 3), layer).shape());
    }

    /** Deep products of few results, whose sums a device may share out among its processors. */
    @Test
    void theSameProductHasTheSameBitsEachTime() {
        LinearWeight layer = ops.linearWeight(host(normal(0, 0.02, 70, 2560)), null, dtype);
        HostTensor kernel = host(normal(0, 0.02, 70, 320, 3, 3));
        Conv2dWeight same = ops.conv2dWeight(kernel, null, Conv2dWeight.Geometry.same(3), dtype);
        Conv2dWeight upsampled = ops.conv2dWeight(kernel, null, Conv2dWeight.Geometry.afterUpsample(3), dtype);
        Tensor tokens = upload(held(0, 1, 9, 2560));
        Tensor map = upload(held(0, 1, 2, 5, 3, 320));
        Affine affine = new Affine(upload(normal(1, 1, 2560), DType.F32), upload(normal(0, 1, 2560), DType.F32));
        float[] linear = ops.linear(tokens, layer).toHost();
        float[] geglu = ops.linearGeglu(tokens, layer, layer).toHost();
        float[] normalised = ops.layerNormLinear(tokens, affine, 1e-5f, layer).toHost();
        float[] convolution = ops.conv2d(map, same).toHost();
        float[] doubled = ops.upsampleConv2d(map, 10, 6, upsampled).toHost();
        for (int i = 0; i < 3; i++) {
            assertArrayEquals(linear, ops.linear(tokens, layer).toHost());
            assertArrayEquals(geglu, ops.linearGeglu(tokens, layer, layer).toHost());
            assertArrayEquals(
                    normalised,
                    ops.layerNormLinear(tokens, affine, 1e-5f, layer).toHost());
            assertArrayEquals(convolution, ops.conv2d(map, same).toHost());
            assertArrayEquals(doubled, ops.upsampleConv2d(map, 10, 6, upsampled).toHost());
        }
    }

    @ParameterizedTest(
            name = "{0} of {1} x {2}, {3} to {4} channels, kernel {5}, stride {6}, padding {7} and {8}, bias {9}")
    @CsvSource({
        "1, 1, 1, 4, 4, 1, 1, 0, 0, true",
        "2, 5, 7, 10, 320, 1, 1, 0, 0, true",
        "3, 17, 15, 40, 3, 1, 1, 0, 0, false",
        "1, 8, 8, 40, 24, 1, 2, 0, 0, true",
        "1, 1, 1, 9, 40, 3, 1, 1, 1, true",
        "1, 1, 1, 4, 8, 3, 2, 1, 1, true",
        "2, 8, 8, 4, 320, 3, 1, 1, 1, true",
        "2, 7, 9, 9, 40, 3, 1, 1, 1, false",
        "1, 9, 7, 320, 40, 3, 1, 1, 1, true",
        "1, 65, 63, 3, 10, 3, 1, 1, 1, true",
        "1, 13, 11, 40, 10, 3, 2, 1, 1, true",
        "2, 13, 10, 3, 40, 3, 2, 0, 1, true",
        "1, 16, 16, 40, 40, 3, 2, 0, 1, false",
        "1, 2, 2, 1, 1, 3, 1, 1, 1, true",
        "1, 9, 9, 8, 8, 5, 1, 2, 2, true"
    })
    void conv2d(int n, int h, int w, int in, int out, int kernel, int stride, int before, int after, boolean hasBias) {
        Values x = held(0, 1, n, h, w, in);
        Values weight = normal(0, 1 / Math.sqrt(in * kernel * kernel), out, in, kernel, kernel);
        Values bias = normal(0, 1, out);
        Conv2dWeight.Geometry geometry = new Conv2dWeight.Geometry(stride, before, after, false);
        Conv2dWeight layer = ops.conv2dWeight(host(weight), hasBias ? host(bias) : null, geometry, dtype);
        assertEquals(Shape.of(out, kernel, kernel, in), layer.shape());
        check(
                ops.conv2d(upload(x), layer),
                r -> Formulas.conv2d(r, x, weight.in(dtype), hasBias ? bias : null, geometry));
    }

    @Test
    void conv2dUsesOneWeightForMapsOfManySizes() {
        Values weight = normal(0, 0.1, 64, 40, 3, 3);
        Conv2dWeight.Geometry geometry = Conv2dWeight.Geometry.same(3);
        Conv2dWeight layer = ops.conv2dWeight(host(weight), null, geometry, dtype);
        for (int size : new int[] {1, 24, 9, 32, 3}) {
            Values x = held(0, 1, 1, size, size, 40);
            check(ops.conv2d(upload(x), layer), r -> Formulas.conv2d(r, x, weight.in(dtype), null, geometry));
        }
    }

    @ParameterizedTest(name = "{0} images, {1} heads of {2}, {3} queries, {4} keys, causal {5}")
    @CsvSource({
        "1, 1, 1, 1, 1, false",
        "2, 2, 4, 77, 1, false",
        "1, 3, 5, 31, 33, false",
        "1, 4, 8, 1, 154, false",
        "2, 8, 40, 77, 77, true",
        "1, 8, 40, 255, 77, false",
        "1, 12, 64, 77, 77, true",
        "1, 2, 80, 65, 154, false",
        "1, 2, 160, 64, 77, false",
        "1, 1, 512, 49, 49, false",
        "1, 1, 512, 1, 7, false",
        "1, 1, 512, 65, 300, false",
        "2, 2, 192, 33, 255, false",
        "1, 1, 256, 300, 1, false",
        "1, 2, 200, 70, 40, false",
        "1, 1, 192, 33, 33, true",
        "1, 2, 4, 1025, 1025, true",
        "1, 1, 5, 4097, 7, false",
        "1, 1, 8, 7, 4097, false",
        "5, 2, 8, 7, 7, true"
    })
    void attention(int n, int heads, int d, int t, int s, boolean causal) {
        Values q = held(0, 2, n, t, heads * d);
        Values k = held(0, 1, n, s, heads * d);
        Values v = held(0, 1, n, s, heads * d);
        check(
                ops.attention(upload(q), upload(k), upload(v), heads, causal),
                r -> Formulas.attention(r, q, k, v, heads, causal));
    }

    @Test
    void attentionHoldsForScoresThatOverflowAnExponential() {
        Values q = held(0, 20, 1, 33, 400);
        Values k = held(5, 40, 1, 77, 400);
        Values v = held(100, 1, 1, 77, 400);
        for (int heads : new int[] {5, 2}) {
            check(
                    ops.attention(upload(q), upload(k), upload(v), heads, false),
                    r -> Formulas.attention(r, q, k, v, heads, false));
        }
    }
}
