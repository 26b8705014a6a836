package dev.darkroom.tensor;

import java.util.Map;
import java.util.TreeMap;
import java.util.function.UnaryOperator;

/** Each operation of {@link Ops} by name, as a function of one feature map; for what must hold of all of them. */
public final class EveryOperation {
    /** The map's shape. */
    public static final Shape SHAPE = Shape.of(2, 6, 4, 8);

    private static final int CHANNELS = SHAPE.dim(-1);

    private EveryOperation() {}

    /** The operations of {@code ops} on a map of {@link #SHAPE} and type {@code dtype}; weights are made in the scope of {@code ops}. */
    public static Map<String, UnaryOperator<Tensor>> of(Ops ops, DType dtype) {
        Map<String, UnaryOperator<Tensor>> all = new TreeMap<>();
        addLayers(ops, dtype, all);
        addElementwise(ops, all);
        addMovements(ops, all);
        addDiffusion(ops, all);
        return all;
    }

    private static void addLayers(Ops ops, DType dtype, Map<String, UnaryOperator<Tensor>> all) {
        LinearWeight square = ops.linearWeight(zeros(CHANNELS, CHANNELS), zeros(CHANNELS), dtype);
        LinearWeight narrow = ops.linearWeight(zeros(3, CHANNELS), null, dtype);
        all.put("linear", x -> ops.linear(x, narrow));
        all.put("linearGelu", x -> ops.linearGelu(x, narrow));
        all.put("linearQuickGelu", x -> ops.linearQuickGelu(x, narrow));
        all.put("linearSilu", x -> ops.linearSilu(x, narrow));
        all.put("linearAdd", x -> ops.linearAdd(x, square, x));
        all.put("linearGeglu", x -> ops.linearGeglu(x, square, square));
        HostTensor kernel = zeros(CHANNELS, CHANNELS, 3, 3);
        Conv2dWeight same = ops.conv2dWeight(kernel, zeros(CHANNELS), Conv2dWeight.Geometry.same(3), dtype);
        Conv2dWeight halving = ops.conv2dWeight(kernel, null, Conv2dWeight.Geometry.halving(0, 1), dtype);
        Conv2dWeight upsampled = ops.conv2dWeight(kernel, null, Conv2dWeight.Geometry.afterUpsample(3), dtype);
        Tensor t = ops.upload(zeros(SHAPE.dim(0), CHANNELS), dtype);
        all.put("conv2d", x -> ops.conv2d(x, halving));
        all.put("conv2dAdd", x -> ops.conv2dAdd(x, same, x));
        all.put("conv2dAddPerChannel", x -> ops.conv2dAddPerChannel(x, same, t));
        all.put("upsampleConv2d", x -> ops.upsampleConv2d(x, 12, 8, upsampled));
        all.put("attention", x -> ops.attention(tokens(x), tokens(x), tokens(x), 2, true));
        Affine affine = new Affine(ops.upload(zeros(CHANNELS), DType.F32), ops.upload(zeros(CHANNELS), DType.F32));
        all.put("groupNorm", x -> ops.groupNorm(x, affine, 4, 1e-5f));
        all.put("groupNormSilu", x -> ops.groupNormSilu(x, affine, 4, 1e-5f));
        Affine twice =
                new Affine(ops.upload(zeros(2 * CHANNELS), DType.F32), ops.upload(zeros(2 * CHANNELS), DType.F32));
        all.put("groupNormSiluConcat", x -> ops.groupNormSiluConcat(x, x, twice, 2, 1e-5f));
        all.put("layerNorm", x -> ops.layerNorm(x, affine, 1e-5f));
        LinearWeight wide = ops.linearWeight(zeros(3, 2 * CHANNELS), null, dtype);
        all.put("linearConcat", x -> ops.linearConcat(x, x, wide));
        all.put("linears", x -> ops.linears(x, narrow, narrow).get(1));
        all.put("layerNormLinear", x -> ops.layerNormLinear(x, affine, 1e-5f, narrow));
        all.put("layerNormLinears", x -> ops.layerNormLinears(x, affine, 1e-5f, narrow, narrow)
                .get(1));
        all.put("layerNormLinearGelu", x -> ops.layerNormLinearGelu(x, affine, 1e-5f, narrow));
        all.put("layerNormLinearQuickGelu", x -> ops.layerNormLinearQuickGelu(x, affine, 1e-5f, narrow));
        all.put("layerNormLinearGeglu", x -> ops.layerNormLinearGeglu(x, affine, 1e-5f, square, square));
        all.put("addPerChannel", x -> ops.addPerChannel(x, t));
    }

    private static void addElementwise(Ops ops, Map<String, UnaryOperator<Tensor>> all) {
        all.put("add", x -> ops.add(x, x.rows(0, 1).reshape(6, 4, CHANNELS)));
        all.put("mul", x -> ops.mul(x, x));
        all.put("scale", x -> ops.scale(x, 2));
        all.put("clip", x -> ops.clip(x, -1, 1));
        all.put("exp", ops::exp);
        all.put("silu", ops::silu);
        all.put("gelu", ops::gelu);
        all.put("quickGelu", ops::quickGelu);
        all.put("cast", x -> ops.cast(x, DType.F32));
    }

    private static void addMovements(Ops ops, Map<String, UnaryOperator<Tensor>> all) {
        all.put("concatChannels", x -> ops.concatChannels(x, x));
        all.put("concatRows", x -> ops.concatRows(x, x.rows(1, 2)));
        all.put("sliceChannels", x -> ops.sliceChannels(x, 3, 5));
        all.put("upsampleNearest", x -> ops.upsampleNearest(x, 7, 4));
        Tensor ids = ops.upload(Shape.of(2, 2), 0, 47, 3, 1);
        all.put("embedding", x -> ops.embedding(ids, x.reshape(-1, CHANNELS)));
        all.put(
                "embeddingAdd",
                x -> ops.embeddingAdd(
                        ids, x.reshape(-1, CHANNELS), x.reshape(-1, CHANNELS).rows(0, 2)));
    }

    private static void addDiffusion(Ops ops, Map<String, UnaryOperator<Tensor>> all) {
        Tensor coefficients = ops.upload(Shape.of(1, 2), 1f, 2f);
        all.put("weightedSum", x -> ops.weightedSum(coefficients, wide(ops, x), wide(ops, x)));
        all.put("weightedSums", x -> ops.weightedSums(coefficients, 1, x, wide(ops, x))
                .get(0));
        all.put("timeEmbedding", x -> ops.timeEmbedding(wide(ops, x).reshape(-1), 10, true, 0));
        all.put("rescaleGuidance", x -> ops.rescaleGuidance(wide(ops, x), wide(ops, x), 0.7f));
        all.put("dynamicThreshold", x -> ops.dynamicThreshold(wide(ops, x), 0.99f, 2));
        all.put("normal", x -> ops.normal(ops.cast(wide(ops, x), DType.I32).reshape(-1, 3), 2, 3, 5));
        all.put("toPixels", ops::toPixels);
        all.put("fromPixels", x -> ops.fromPixels(ops.toPixels(x), DType.F32));
        all.put("countNonFinite", ops::countNonFinite);
    }

    private static HostTensor zeros(int... dims) {
        Shape shape = Shape.of(dims);
        return HostTensor.of("zeros", shape, new float[(int) shape.count()]);
    }

    /** x [n, h, w, c] → [n, h * w, c]. */
    private static Tensor tokens(Tensor x) {
        return x.reshape(x.dim(0), -1, CHANNELS);
    }

    private static Tensor wide(Ops ops, Tensor x) {
        return ops.cast(x, DType.F32);
    }
}
