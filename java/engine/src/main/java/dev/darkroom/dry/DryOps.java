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
        boolean doubles = geometry.upsampled() && shape.dim(1) == 3 && shape.dim(2) == 3;
        if (doubles) { // the form of the kernel that upsampleConv2d takes is kept beside the usual one
            scope.allocate(Shape.of(4, shape.dim(0), 2, 2, shape.dim(3)), dtype);
        }
        return new DryConv2dWeight(weight.name(), allocateParameters(shape, bias, dtype), bias != null, geometry);
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
    public Tensor linearGeglu(Tensor x, LinearWeight value, LinearWeight gate) {
        Shape shape = ShapeRules.linear(this, x, value);
        if (!shape.equals(ShapeRules.linear(this, x, gate))) {
            throw ShapeRules.fail(this, "linearGeglu", value + " and " + gate + " differ in their outputs");
        }
        Tensor[] operands = {x, ((DryLinearWeight) value).memory(), ((DryLinearWeight) gate).memory()};
        return result("linear", shape, x.dtype(), 4 * shape.count() * value.in(), operands);
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
        List<Tensor> results =
                new ArrayList<>(List.of(result("weightedSums", shape, DType.F32, outputs * flops, operands)));
        while (results.size() < outputs) {
            results.add(scope.allocate(shape, DType.F32));
            device.tally().addBytes("weightedSums", results.get(0).byteSize());
        }
        return results;
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
        return gathered("sliceChannels", ShapeRules.sliceChannels(this, x, from, to), x);
    }

    @Override
    public Tensor upsampleNearest(Tensor x, int height, int width) {
        return result("upsampleNearest", ShapeRules.upsampleNearest(this, x, height, width), x.dtype(), 0, x);
    }

    @Override
    public Tensor embedding(Tensor ids, Tensor table) {
        return gathered("embedding", ShapeRules.embedding(this, ids, table), table, ids);
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

    /** A result whose elements are read from some places of {@code source}, which counts for as many bytes. */
    private Tensor gathered(String operation, Shape shape, Tensor source, Tensor... operands) {
        source.address(); // throws after release
        Tensor y = result(operation, shape, source.dtype(), 0, operands);
        device.tally().addBytes(operation, y.byteSize());
        return y;
    }

    private Tensor allocateParameters(Shape shape, @Nullable HostTensor bias, DType dtype) {
        if (bias != null) {
            scope.allocate(bias.shape(), DType.F32);
        }
        return scope.allocate(shape, dtype);
    }
}
