package dev.darkroom.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.darkroom.tensor.Devices.Subject;
import java.util.Arrays;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A number that is none, anywhere in image 1 of 3, is found in its result by countNonFinite, and the other images stay finite. */
@DisplayName("What is not finite is never lost and never spreads to another image")
class PropagationContractTest extends OnEveryDevice {
    private static final int IMAGES = 3;
    private static final int H = 5;
    private static final int W = 4;
    private static final int CHANNELS = 40;

    PropagationContractTest(Subject subject) {
        super(subject);
    }

    @ParameterizedTest
    @ValueSource(doubles = {Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY})
    void holdsForLayers(double value) {
        LinearWeight linear = ops.linearWeight(host(normal(0.1, 0.01, 24, CHANNELS)), null, dtype);
        HostTensor kernel = host(normal(0.1, 0.01, 24, CHANNELS, 3, 3));
        Conv2dWeight same = ops.conv2dWeight(kernel, null, Conv2dWeight.Geometry.same(3), dtype);
        Conv2dWeight upsampled = ops.conv2dWeight(kernel, null, Conv2dWeight.Geometry.afterUpsample(3), dtype);
        Conv2dWeight pointwise = ops.conv2dWeight(
                host(normal(0.1, 0.01, 24, CHANNELS, 1, 1)), null, Conv2dWeight.Geometry.same(1), dtype);
        Affine affine =
                new Affine(upload(normal(1, 0.1, CHANNELS), DType.F32), upload(normal(0, 1, CHANNELS), DType.F32));
        assertPropagates("linear", value, x -> ops.linear(x, linear), 24);
        assertPropagates("linearAdd", value, x -> ops.linearAdd(x, linear, ops.linear(x, linear)), 24);
        assertPropagates("conv2d", value, x -> ops.conv2d(x, same), 9 * 24);
        assertPropagates("conv2d of one pixel", value, x -> ops.conv2d(x, pointwise), 24);
        assertPropagates("upsampleConv2d", value, x -> ops.upsampleConv2d(x, 2 * H, 2 * W, upsampled), 16 * 24);
        assertPropagates("groupNorm", value, x -> ops.groupNorm(x, affine, 8, 1e-5f), H * W * CHANNELS / 8);
        assertPropagates("groupNormSilu", value, x -> ops.groupNormSilu(x, affine, 8, 1e-5f), H * W * CHANNELS / 8);
        assertPropagates("layerNorm", value, x -> ops.layerNorm(x, affine, 1e-5f), CHANNELS);
        assertPropagates("layerNormLinear", value, x -> ops.layerNormLinear(x, affine, 1e-5f, linear), 24);
    }

    @Test
    void holdsForAttention() {
        int heads = 4;
        Tensor finite = tokens(upload(held(0, 1, IMAGES, H, W, CHANNELS)));
        assertPropagates(
                "k", Double.NaN, x -> ops.attention(finite, tokens(x), finite, heads, false), H * W * CHANNELS / heads);
        assertPropagates("v", Double.NaN, x -> ops.attention(finite, finite, tokens(x), heads, false), H * W);
        assertPropagates(
                "q", Double.NaN, x -> ops.attention(tokens(x), finite, finite, heads, false), CHANNELS / heads);
    }

    @Test
    void holdsForAttentionOfAWideHead() {
        int tokens = H * W / 5;
        UnaryOperator<Tensor> wide = x -> x.reshape(IMAGES, tokens, 5 * CHANNELS);
        Tensor finite = wide.apply(upload(held(0, 1, IMAGES, H, W, CHANNELS)));
        assertPropagates(
                "k", Double.NaN, x -> ops.attention(finite, wide.apply(x), finite, 1, false), H * W * CHANNELS);
        assertPropagates("v", Double.NaN, x -> ops.attention(finite, finite, wide.apply(x), 1, false), tokens);
        assertPropagates("q", Double.NaN, x -> ops.attention(wide.apply(x), finite, finite, 1, false), 5 * CHANNELS);
    }

    /** @param count how many elements of image 1's result are not finite */
    private void assertPropagates(String name, double value, Function<Tensor, Tensor> operation, int count) {
        Values x = held(0, 1, IMAGES, H, W, CHANNELS);
        x.numbers[(H * W + H * W / 2) * CHANNELS + 3] = value;
        Tensor y = operation.apply(upload(x));
        int[] found = new int[IMAGES];
        Arrays.setAll(found, image ->
                (int) ops.countNonFinite(y.rows(image, image + 1)).toHost()[0]);
        assertEquals(0, found[0] + found[2], name + ": spread to another image");
        assertEquals(count, found[1], name + " of " + value);
    }

    /** x [n, h, w, c] → [n, h * w, c]. */
    private static Tensor tokens(Tensor x) {
        return x.reshape(x.dim(0), -1, CHANNELS);
    }
}
