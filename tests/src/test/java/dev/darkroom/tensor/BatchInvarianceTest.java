package dev.darkroom.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.darkroom.tensor.Devices.Subject;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** An image's result has the same bits alone and among 2, 3 or 5, at every place in the batch. */
@DisplayName("An image never depends on its neighbours in a batch")
class BatchInvarianceTest extends OnEveryDevice {
    private static final int[] BATCHES = {1, 2, 3, 5};
    private static final int MOST = 5;

    BatchInvarianceTest(Subject subject) {
        super(subject);
    }

    @ParameterizedTest(name = "{0} x {1}, {2} to {3} channels")
    @CsvSource({"1, 1, 4, 8", "1, 1, 1280, 320", "9, 7, 40, 24", "8, 8, 320, 64", "5, 31, 10, 10", "12, 12, 64, 96"})
    void holdsBitForBit(int h, int w, int in, int out) {
        Tensor x = upload(held(0.3, 1, MOST, h, w, in));
        operations(h, w, in, out).forEach((name, operation) -> {
            float[] all = operation.apply(x).toHost();
            int perImage = all.length / MOST;
            for (int batch : BATCHES) {
                for (int from = 0; from + batch <= MOST; from += batch) {
                    float[] few = operation.apply(x.rows(from, from + batch)).toHost();
                    for (int i = 0; i < few.length; i++) {
                        float expected = all[from * perImage + i];
                        if (Float.floatToRawIntBits(expected) != Float.floatToRawIntBits(few[i])) {
                            assertEquals(
                                    expected, few[i], name + ": image " + (from + i / perImage) + " among " + batch);
                        }
                    }
                }
            }
        });
    }

    private Map<String, UnaryOperator<Tensor>> operations(int h, int w, int in, int out) {
        Map<String, UnaryOperator<Tensor>> all = new LinkedHashMap<>();
        Affine affine = new Affine(upload(normal(1, 1, in), DType.F32), upload(normal(0, 1, in), DType.F32));
        addMatrixProducts(all, affine, in, out);
        addConvolutions(all, h, w, in, out);
        Affine twice = new Affine(upload(normal(1, 1, 2 * in), DType.F32), upload(normal(0, 1, 2 * in), DType.F32));
        int heads = in % 8 == 0 ? 4 : 2;
        all.put("groupNorm", x -> ops.groupNorm(x, affine, 2, 1e-5f));
        all.put("groupNormSilu", x -> ops.groupNormSilu(x, affine, in, 1e-5f));
        all.put("groupNormSiluConcat", x -> ops.groupNormSiluConcat(x, ops.silu(x), twice, 2, 1e-5f));
        all.put("layerNorm", x -> ops.layerNorm(x, affine, 1e-5f));
        all.put("attention", x -> {
            Tensor q = tokens(x);
            return ops.attention(q, q, q, heads, false);
        });
        if (in > 160 && in <= 512) {
            all.put("attention of a wide head", x -> {
                Tensor q = tokens(x);
                return ops.attention(q, q, q, 1, false);
            });
        }
        all.put("causal attention", x -> {
            Tensor q = tokens(x);
            return ops.attention(q, q, q, heads, true);
        });
        all.put("silu", x -> ops.silu(x));
        all.put("gelu", x -> ops.gelu(x));
        all.put("add", x -> ops.add(x, x));
        all.put("concatChannels", x -> ops.concatChannels(x, x));
        all.put("rescaleGuidance", x -> {
            Tensor wide = ops.cast(x, DType.F32);
            return ops.rescaleGuidance(wide, ops.exp(wide), 0.7f);
        });
        Tensor factors = ops.upload(Shape.of(1, 6), 1f, -2f, 3f, 0.1f, 0.2f, 0.3f);
        all.put("weightedSums", x -> {
            List<Tensor> sums = ops.weightedSums(factors, 2, x, ops.cast(x, DType.F32), x);
            return ops.concatChannels(sums.get(0), sums.get(1));
        });
        all.put("dynamicThreshold", x -> ops.dynamicThreshold(ops.cast(x, DType.F32), 0.9f, 5));
        return all;
    }

    private void addMatrixProducts(Map<String, UnaryOperator<Tensor>> all, Affine affine, int in, int out) {
        LinearWeight layer = ops.linearWeight(host(normal(0, 0.1, out, in)), host(normal(0, 1, out)), dtype);
        all.put("linear", x -> ops.linear(x, layer));
        LinearWeight wide = ops.linearWeight(host(normal(0, 0.1, out, 2 * in)), null, dtype);
        all.put("linearConcat", x -> ops.linearConcat(x, ops.silu(x), wide));
        all.put("linearGelu", x -> ops.linearGelu(x, layer));
        all.put("linearQuickGelu", x -> ops.linearQuickGelu(x, layer));
        all.put("linearSilu", x -> ops.linearSilu(x, layer));
        all.put("linearAdd", x -> ops.linearAdd(x, layer, ops.linear(x, layer)));
        all.put("linearGeglu", x -> ops.linearGeglu(x, layer, layer));
        all.put("layerNormLinearGeglu", x -> ops.layerNormLinearGeglu(x, affine, 1e-5f, layer, layer));
        all.put("layerNormLinears", x -> {
            List<Tensor> products = ops.layerNormLinears(x, affine, 1e-5f, layer, layer);
            return ops.concatChannels(products.get(0), products.get(1));
        });
    }

    private void addConvolutions(Map<String, UnaryOperator<Tensor>> all, int h, int w, int in, int out) {
        HostTensor kernel = host(normal(0, 0.05, out, in, 3, 3));
        HostTensor bias = host(normal(0, 1, out));
        Conv2dWeight same = ops.conv2dWeight(kernel, bias, Conv2dWeight.Geometry.same(3), dtype);
        Conv2dWeight halving = ops.conv2dWeight(kernel, bias, Conv2dWeight.Geometry.halving(1, 1), dtype);
        Conv2dWeight upsampled = ops.conv2dWeight(kernel, bias, Conv2dWeight.Geometry.afterUpsample(3), dtype);
        Conv2dWeight pointwise =
                ops.conv2dWeight(host(normal(0, 0.1, out, in, 1, 1)), bias, Conv2dWeight.Geometry.same(1), dtype);
        Affine affine = new Affine(upload(normal(1, 1, out), DType.F32), upload(normal(0, 1, out), DType.F32));
        all.put("conv2d", x -> withItsNorm(ops.conv2d(x, same), affine));
        all.put("conv2d of one pixel", x -> withItsNorm(ops.conv2d(x, pointwise), affine));
        all.put("conv2d of stride 2", x -> ops.conv2d(x, halving));
        all.put("conv2dAdd", x -> ops.conv2dAdd(x, same, ops.conv2d(x, pointwise)));
        all.put("conv2dAddPerChannel", x -> ops.conv2dAddPerChannel(x, same, firstPixel(ops.conv2d(x, pointwise))));
        all.put("upsampleConv2d", x -> ops.upsampleConv2d(x, 2 * h, 2 * w, upsampled));
        all.put("upsampleConv2d to an odd size", x -> ops.upsampleConv2d(x, 2 * h + 1, 2 * w, upsampled));
    }

    /** A result, and its normalisation, for which a device may have prepared as it computed the result. */
    private Tensor withItsNorm(Tensor y, Affine affine) {
        return ops.concatChannels(y, ops.groupNorm(y, affine, 2, 1e-5f));
    }

    /** x [n, h, w, c] → [n, c]. */
    private Tensor firstPixel(Tensor x) {
        Tensor[] pixels = new Tensor[x.dim(0)];
        for (int image = 0; image < pixels.length; image++) {
            pixels[image] = x.rows(image, image + 1).reshape(-1, x.dim(3)).rows(0, 1);
        }
        return ops.concatRows(pixels);
    }

    /** x [n, h, w, c] → [n, h * w, c]. */
    private static Tensor tokens(Tensor x) {
        return x.reshape(x.dim(0), -1, x.dim(3));
    }
}
