package dev.darkroom.dry;

import dev.darkroom.tensor.Affine;
import dev.darkroom.tensor.Conv2dWeight;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Device;
import dev.darkroom.tensor.HostTensor;
import dev.darkroom.tensor.LinearWeight;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Recording;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.ShapeRules;
import dev.darkroom.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Checks shapes, allocates results and counts; fused operations count as one that moves its operands once. */
final class DryOps implements Ops {
    private final DryDevice device;
    private final Scope scope;

    DryOps(DryDevice device, Scope scope) {
        this.device = device;
        this.scope = scope;
    }

    @Override
    public Device device() {
        return device;
    }

    @Override
    public Scope scope() {
        return scope;
    }

    /** Takes the memory that a device which replays needs: copies of constants and inputs. */
    @Override
    public Recording recording(String name, Object key, List<Tensor> constants, Recording.Body body) {
        constants.forEach(constant -> scope.allocate(constant.shape(), constant.dtype()));
        boolean[] copied = new boolean[1];
        return (ops, inputs) -> {
            if (!copied[0]) {
                inputs.forEach(input -> scope.allocate(input.shape(), input.dtype()));
                copied[0] = true;
            }
            return ops.scopedAll(name, s -> body.apply(s, constants, inputs));
        };
    }

    @Override
    public Tensor upload(HostTensor values, DType dtype) {
        return result("upload", values.shape(), dtype, 0);
    }

    @Override
    public LinearWeight linearWeight(HostTensor weight, @Nullable HostTensor bias, DType dtype) {
        Shape shape = ShapeRules.linearWeight(this, weight, bias);
        return new DryLinearWeight(weight.name(), allocateParameters(shape, bias, dtype), bias != null);
    }

    @Override
    public Conv2dWeight conv2dWeight(
            HostTensor weight, @Nullable HostTensor bias, Conv2dWeight.Geometry geometry, DType dtype) {
        Shape shape = ShapeRules.conv2dWeight(this, weight, bias);
        Tensor memory = allocateParameters(shape, bias, dtype);
        if (shape.dim(1) == 3 && shape.dim(2) == 3 && geometry.equals(Conv2dWeight.Geometry.afterUpsample(3))) {
            scope.allocate(
                    Shape.of(4, shape.dim(0), 2, 2, shape.dim(3)), dtype); // devices keep its taps summed as well
        }
        return new DryConv2dWeight(weight.name(), memory, bias != null, geometry);
    }

    @Override
    public Tensor linear(Tensor x, LinearWeight weight) {
        return matmul(x, weight, ShapeRules.linear(this, x, weight), null);
    }

    @Override
    public Tensor linearGelu(Tensor x, LinearWeight weight) {
        return matmul(x, weight, ShapeRules.linear(this, x, weight), null);
    }

    @Override
    public Tensor linearQuickGelu(Tensor x, LinearWeight weight) {
        return linearGelu(x, weight);
    }

    @Override
    public Tensor linearSilu(Tensor x, LinearWeight weight) {
        return linearGelu(x, weight);
    }

    @Override
    public Tensor linearAdd(Tensor x, LinearWeight weight, Tensor residual) {
        Shape shape = ShapeRules.linear(this, x, weight);
        ShapeRules.residual(this, "linearAdd", shape, x.dtype(), residual);
        return matmul(x, weight, shape, residual);
    }

    @Override
    public Tensor linearConcat(Tensor a, Tensor b, LinearWeight weight) {
        Shape shape = ShapeRules.linearConcat(this, a, b, weight);
        Tensor memory = ((DryLinearWeight) weight).memory();
        return layer("linear", a, memory, shape, 2 * shape.count() * weight.in(), b);
    }

    @Override
    public Tensor linearGeglu(Tensor x, LinearWeight value, LinearWeight gate) {
        Shape shape = ShapeRules.linearGeglu(this, x, value, gate);
        Tensor[] operands = {x, ((DryLinearWeight) value).memory(), ((DryLinearWeight) gate).memory()};
        return result("linear", shape, x.dtype(), 4 * shape.count() * value.in(), operands);
    }

    @Override
    public List<Tensor> linears(Tensor x, LinearWeight... weights) {
        Shape shape = ShapeRules.linears(this, x, weights);
        Tensor[] operands = Stream.concat(
                        Stream.of(x), Stream.of(weights).map(weight -> ((DryLinearWeight) weight).memory()))
                .toArray(Tensor[]::new);
        long flops = weights.length * 2 * shape.count() * weights[0].in();
        return results("linear", weights.length, shape, x.dtype(), flops, operands);
    }

    @Override
    public Tensor layerNormLinear(Tensor x, Affine affine, float epsilon, LinearWeight weight) {
        addNorm(x, affine);
        return linear(x, weight);
    }

    @Override
    public Tensor layerNormLinearGelu(Tensor x, Affine affine, float epsilon, LinearWeight weight) {
        addNorm(x, affine);
        return linear(x, weight);
    }

    @Override
    public Tensor layerNormLinearQuickGelu(Tensor x, Affine affine, float epsilon, LinearWeight weight) {
        addNorm(x, affine);
        return linear(x, weight);
    }

    @Override
    public Tensor layerNormLinearGeglu(Tensor x, Affine affine, float epsilon, LinearWeight value, LinearWeight gate) {
        addNorm(x, affine);
        return linearGeglu(x, value, gate);
    }

    @Override
    public List<Tensor> layerNormLinears(Tensor x, Affine affine, float epsilon, LinearWeight... weights) {
        addNorm(x, affine);
        return linears(x, weights);
    }

    /** What a product of x costs more when it normalises the rows of x as it reads them. */
    private void addNorm(Tensor x, Affine affine) {
        ShapeRules.layerNorm(this, x, affine);
        long bytes = 0;
        for (Tensor vector : List.of(affine.gain(), affine.bias())) {
            vector.address(); // throws after release
            bytes += vector.byteSize();
        }
        device.tally().add("layerNorm", 8 * x.shape().count(), bytes);
    }

    @Override
    public Tensor conv2d(Tensor x, Conv2dWeight weight) {
        return convolution(x, weight, ShapeRules.conv2d(this, x, weight), null);
    }

    @Override
    public Tensor conv2dAdd(Tensor x, Conv2dWeight weight, Tensor residual) {
        Shape shape = ShapeRules.conv2d(this, x, weight);
        ShapeRules.residual(this, "conv2dAdd", shape, x.dtype(), residual);
        return convolution(x, weight, shape, residual);
    }

    @Override
    public Tensor conv2dAddPerChannel(Tensor x, Conv2dWeight weight, Tensor t) {
        Shape shape = ShapeRules.conv2d(this, x, weight);
        ShapeRules.perChannel(this, "conv2dAddPerChannel", shape, x.dtype(), t);
        return convolution(x, weight, shape, t);
    }

    @Override
    public Tensor upsampleConv2d(Tensor x, int height, int width, Conv2dWeight weight) {
        return convolution(x, weight, ShapeRules.upsampleConv2d(this, x, height, width, weight), null);
    }

    @Override
    public Tensor attention(Tensor q, Tensor k, Tensor v, int heads, boolean causal) {
        Shape shape = ShapeRules.attention(this, q, k, v, heads, causal);
        return result("attention", shape, q.dtype(), 4 * shape.count() * k.dim(1), q, k, v);
    }

    @Override
    public Tensor groupNorm(Tensor x, Affine affine, int groups, float epsilon) {
        return result(
                "groupNorm",
                ShapeRules.groupNorm(this, x, affine, groups),
                x.dtype(),
                8 * x.shape().count(),
                x,
                affine.gain(),
                affine.bias());
    }

    @Override
    public Tensor groupNormSilu(Tensor x, Affine affine, int groups, float epsilon) {
        return groupNorm(x, affine, groups, epsilon);
    }

    @Override
    public Tensor groupNormSiluConcat(Tensor a, Tensor b, Affine affine, int groups, float epsilon) {
        Shape shape = ShapeRules.groupNormConcat(this, a, b, affine, groups);
        return result("groupNorm", shape, a.dtype(), 8 * shape.count(), a, b, affine.gain(), affine.bias());
    }

    @Override
    public Tensor layerNorm(Tensor x, Affine affine, float epsilon) {
        return result(
                "layerNorm",
                ShapeRules.layerNorm(this, x, affine),
                x.dtype(),
                8 * x.shape().count(),
                x,
                affine.gain(),
                affine.bias());
    }

    @Override
    public Tensor add(Tensor a, Tensor b) {
        return result(
                "add",
                ShapeRules.broadcast(this, "add", a, b),
                a.dtype(),
                a.shape().count(),
                a,
                b);
    }

    @Override
    public Tensor mul(Tensor a, Tensor b) {
        return result(
                "mul",
                ShapeRules.broadcast(this, "mul", a, b),
                a.dtype(),
                a.shape().count(),
                a,
                b);
    }

    @Override
    public Tensor scale(Tensor x, float factor) {
        return pointwise("scale", x);
    }

    @Override
    public Tensor clip(Tensor x, float low, float high) {
        return pointwise("clip", x);
    }

    @Override
    public Tensor exp(Tensor x) {
        return pointwise("exp", x);
    }

    @Override
    public Tensor silu(Tensor x) {
        return pointwise("silu", x);
    }

    @Override
    public Tensor gelu(Tensor x) {
        return pointwise("gelu", x);
    }

    @Override
    public Tensor quickGelu(Tensor x) {
        return pointwise("quickGelu", x);
    }

    @Override
    public Tensor cast(Tensor x, DType dtype) {
        return x.dtype() == dtype ? x : result("cast", x.shape(), dtype, 0, x);
    }

    @Override
    public Tensor addPerChannel(Tensor x, Tensor t) {
        return result(
                "addPerChannel",
                ShapeRules.addPerChannel(this, x, t),
                x.dtype(),
                x.shape().count(),
                x,
                t);
    }

    @Override
    public Tensor weightedSum(Tensor coefficients, Tensor... terms) {
        Shape shape = ShapeRules.weightedSum(this, coefficients, terms);
        Tensor[] operands =
                Stream.concat(Stream.of(coefficients), Stream.of(terms)).toArray(Tensor[]::new);
        return result("weightedSum", shape, DType.F32, 2 * shape.count() * terms.length, operands);
    }

    @Override
    public List<Tensor> weightedSums(Tensor coefficients, int outputs, Tensor... terms) {
        Shape shape = ShapeRules.weightedSums(this, coefficients, outputs, terms);
        long flops = 2 * shape.count() * terms.length;
        Tensor[] operands =
                Stream.concat(Stream.of(coefficients), Stream.of(terms)).toArray(Tensor[]::new);
        return results("weightedSums", outputs, shape, DType.F32, outputs * flops, operands);
    }

    @Override
    public Tensor concatChannels(Tensor a, Tensor b) {
        return result("concatChannels", ShapeRules.concatChannels(this, a, b), a.dtype(), 0, a, b);
    }

    @Override
    public Tensor concatRows(Tensor... parts) {
        return result("concatRows", ShapeRules.concatRows(this, parts), parts[0].dtype(), 0, parts);
    }

    @Override
    public Tensor sliceChannels(Tensor x, int from, int to) {
        return gathered("sliceChannels", ShapeRules.sliceChannels(this, x, from, to), 0, x);
    }

    @Override
    public Tensor upsampleNearest(Tensor x, int height, int width) {
        return result("upsampleNearest", ShapeRules.upsampleNearest(this, x, height, width), x.dtype(), 0, x);
    }

    @Override
    public Tensor embedding(Tensor ids, Tensor table) {
        return gathered("embedding", ShapeRules.embedding(this, ids, table), 0, table, ids);
    }

    @Override
    public Tensor embeddingAdd(Tensor ids, Tensor table, Tensor addend) {
        Shape shape = ShapeRules.embeddingAdd(this, ids, table, addend);
        return gathered("embeddingAdd", shape, shape.count(), table, ids, addend);
    }

    @Override
    public Tensor normal(Tensor streams, int height, int width, int channels) {
        return result("normal", ShapeRules.normal(this, streams, height, width, channels), DType.F32, 0, streams);
    }

    @Override
    public Tensor timeEmbedding(Tensor t, int width, boolean cosFirst, float shift) {
        return result("timeEmbedding", ShapeRules.timeEmbedding(this, t, width), DType.F32, 0, t);
    }

    @Override
    public Tensor rescaleGuidance(Tensor guided, Tensor conditional, float factor) {
        Shape shape = ShapeRules.perImage(this, "rescaleGuidance", guided, conditional);
        return result("rescaleGuidance", shape, DType.F32, 8 * shape.count(), guided, conditional);
    }

    @Override
    public Tensor dynamicThreshold(Tensor x, float ratio, float max) {
        return result("dynamicThreshold", ShapeRules.perImage(this, "dynamicThreshold", x, x), DType.F32, 0, x);
    }

    @Override
    public Tensor toPixels(Tensor x) {
        return result(
                "toPixels",
                ShapeRules.toPixels(this, x),
                DType.U8,
                2 * x.shape().count(),
                x);
    }

    @Override
    public Tensor fromPixels(Tensor x, DType dtype) {
        Shape shape = ShapeRules.fromPixels(this, x, dtype);
        return result("fromPixels", shape, dtype, 2 * shape.count(), x);
    }

    @Override
    public Tensor countNonFinite(Tensor x) {
        return result("countNonFinite", Shape.of(1), DType.I32, x.shape().count(), x);
    }

    private Tensor pointwise(String name, Tensor x) {
        return result(name, x.shape(), x.dtype(), x.shape().count(), x);
    }

    private Tensor matmul(Tensor x, LinearWeight weight, Shape shape, @Nullable Tensor added) {
        Tensor memory = ((DryLinearWeight) weight).memory();
        return layer("linear", x, memory, shape, 2 * shape.count() * weight.in(), added);
    }

    private Tensor convolution(Tensor x, Conv2dWeight weight, Shape shape, @Nullable Tensor added) {
        long multiplyAdds = shape.count() * (weight.shape().count() / weight.out());
        return layer("conv2d", x, ((DryConv2dWeight) weight).memory(), shape, 2 * multiplyAdds, added);
    }

    private Tensor layer(String name, Tensor x, Tensor weight, Shape shape, long flops, @Nullable Tensor added) {
        return added == null
                ? result(name, shape, x.dtype(), flops, x, weight)
                : result(name, shape, x.dtype(), flops, x, weight, added);
    }

    private Tensor result(String operation, Shape shape, DType dtype, long flops, Tensor... operands) {
        Tensor y = scope.allocate(shape, dtype);
        long bytes = y.byteSize();
        for (Tensor operand : operands) {
            operand.address(); // throws after release, as on a real device
            bytes += operand.byteSize();
        }
        device.tally().count(operation, flops, bytes);
        return y;
    }

    /** Results of one operation, all of one shape. */
    private List<Tensor> results(
            String operation, int count, Shape shape, DType dtype, long flops, Tensor... operands) {
        List<Tensor> results = new ArrayList<>(List.of(result(operation, shape, dtype, flops, operands)));
        while (results.size() < count) {
            results.add(scope.allocate(shape, dtype));
            device.tally().add(operation, 0, results.get(0).byteSize());
        }
        return results;
    }

    /** A result whose elements are read from some places of {@code source}, which counts for as many bytes. */
    private Tensor gathered(String operation, Shape shape, long flops, Tensor source, Tensor... operands) {
        source.address(); // throws after release
        Tensor y = result(operation, shape, source.dtype(), flops, operands);
        device.tally().add(operation, 0, y.byteSize());
        return y;
    }

    private Tensor allocateParameters(Shape shape, @Nullable HostTensor bias, DType dtype) {
        if (bias != null) {
            scope.allocate(bias.shape(), DType.F32);
        }
        return scope.allocate(shape, dtype);
    }
}
