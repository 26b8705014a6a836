package dev.darkroom.cuda;

import dev.darkroom.cuda.GemmKernels.RowNorm;
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

/** Checks operands, allocates results and hands the work to the kernels that do it. */
final class CudaOps implements Ops {
    private final Device device;
    private final CudaEngine engine;
    private final Scope scope;

    CudaOps(Device device, CudaEngine engine, Scope scope) {
        this.device = device;
        this.engine = engine;
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

    @Override
    public Recording recording(String name, Object key, List<Tensor> constants, Recording.Body body) {
        return new CudaRecording(device, engine, scope, name, key, constants, body);
    }

    // ---- from the host ----

    @Override
    public Tensor upload(HostTensor values, DType dtype) {
        return engine.uploads.tensor(scope, values, dtype);
    }

    @Override
    public LinearWeight linearWeight(HostTensor weight, @Nullable HostTensor bias, DType dtype) {
        requireLayerType(dtype, weight.name());
        ShapeRules.linearWeight(this, weight, bias);
        return new CudaLinearWeight(
                weight.name(), engine.uploads.tensor(scope, weight, dtype), engine.uploads.bias(scope, bias));
    }

    @Override
    public Conv2dWeight conv2dWeight(
            HostTensor weight, @Nullable HostTensor bias, Conv2dWeight.Geometry geometry, DType dtype) {
        requireLayerType(dtype, weight.name());
        Shape shape = ShapeRules.conv2dWeight(this, weight, bias);
        return new CudaConv2dWeight(
                weight.name(),
                engine.uploads.channelsLast(scope, weight, shape, dtype),
                engine.uploads.bias(scope, bias),
                geometry,
                ConvolutionKernels.doubles(shape.dim(1), shape.dim(2), geometry)
                        ? engine.uploads.phases(scope, weight, shape, dtype)
                        : null);
    }

    // ---- matrix products ----

    @Override
    public Tensor linear(Tensor x, LinearWeight weight) {
        return activated(x, null, weight, Epilogue.Activation.NONE);
    }

    @Override
    public Tensor linearGelu(Tensor x, LinearWeight weight) {
        return activated(x, null, weight, Epilogue.Activation.GELU);
    }

    @Override
    public Tensor linearQuickGelu(Tensor x, LinearWeight weight) {
        return activated(x, null, weight, Epilogue.Activation.QUICK_GELU);
    }

    @Override
    public Tensor linearSilu(Tensor x, LinearWeight weight) {
        return activated(x, null, weight, Epilogue.Activation.SILU);
    }

    @Override
    public Tensor layerNormLinear(Tensor x, Affine affine, float epsilon, LinearWeight weight) {
        return activated(x, norm(x, affine, epsilon), weight, Epilogue.Activation.NONE);
    }

    @Override
    public Tensor layerNormLinearGelu(Tensor x, Affine affine, float epsilon, LinearWeight weight) {
        return activated(x, norm(x, affine, epsilon), weight, Epilogue.Activation.GELU);
    }

    @Override
    public Tensor layerNormLinearQuickGelu(Tensor x, Affine affine, float epsilon, LinearWeight weight) {
        return activated(x, norm(x, affine, epsilon), weight, Epilogue.Activation.QUICK_GELU);
    }

    private Tensor activated(Tensor x, @Nullable RowNorm norm, LinearWeight weight, Epilogue.Activation activation) {
        return product(x, norm, weight, epilogue(weight).activated(activation));
    }

    @Override
    public Tensor linearAdd(Tensor x, LinearWeight weight, Tensor residual) {
        ShapeRules.residual(this, "linearAdd", ShapeRules.linear(this, x, weight), x.dtype(), residual);
        return product(x, null, weight, epilogue(weight).plus(residual));
    }

    private Tensor product(Tensor x, @Nullable RowNorm norm, LinearWeight weight, Epilogue epilogue) {
        if (norm != null && engine.gemm.isServed(x, weight)) {
            return scoped("layerNorm", s -> cuda(s).product(cuda(s).normal(x, norm), null, weight, epilogue));
        }
        Tensor y = ChannelMoments.allocate(scope, ShapeRules.linear(this, x, weight), x.dtype());
        Tensor values = ((CudaLinearWeight) weight).values();
        if (norm == null) {
            engine.gemm.linear(scope, x, values, epilogue, y);
        } else {
            engine.gemm.linears(scope, x, norm, List.of(new GemmKernels.Projection(values, epilogue, y)));
        }
        return y;
    }

    @Override
    public Tensor linearConcat(Tensor a, Tensor b, LinearWeight weight) {
        Shape shape = ShapeRules.linearConcat(this, a, b, weight);
        if (!GemmKernels.joins(a, b) || engine.gemm.isServed(a, weight)) {
            return Ops.super.linearConcat(a, b, weight);
        }
        Tensor y = scope.allocate(shape, a.dtype());
        engine.gemm.linearConcat(scope, a, b, ((CudaLinearWeight) weight).values(), epilogue(weight), y);
        return y;
    }

    @Override
    public List<Tensor> linears(Tensor x, LinearWeight... weights) {
        return products(x, null, weights);
    }

    @Override
    public List<Tensor> layerNormLinears(Tensor x, Affine affine, float epsilon, LinearWeight... weights) {
        return products(x, norm(x, affine, epsilon), weights);
    }

    private List<Tensor> products(Tensor x, @Nullable RowNorm norm, LinearWeight... weights) {
        Shape shape = ShapeRules.linears(this, x, weights);
        if (norm != null && Stream.of(weights).anyMatch(weight -> engine.gemm.isServed(x, weight))) {
            return scopedAll("layerNorm", s -> cuda(s).products(cuda(s).normal(x, norm), null, weights));
        }
        List<GemmKernels.Projection> products = new ArrayList<>();
        for (LinearWeight weight : weights) {
            Tensor y = scope.allocate(shape, x.dtype());
            products.add(new GemmKernels.Projection(((CudaLinearWeight) weight).values(), epilogue(weight), y));
        }
        engine.gemm.linears(scope, x, norm, products);
        return products.stream().map(GemmKernels.Projection::y).toList();
    }

    @Override
    public Tensor linearGeglu(Tensor x, LinearWeight value, LinearWeight gate) {
        return geglu(x, null, value, gate);
    }

    @Override
    public Tensor layerNormLinearGeglu(Tensor x, Affine affine, float epsilon, LinearWeight value, LinearWeight gate) {
        return geglu(x, norm(x, affine, epsilon), value, gate);
    }

    private Tensor geglu(Tensor x, @Nullable RowNorm norm, LinearWeight value, LinearWeight gate) {
        if (norm != null && engine.gemm.isGegluServed(x, value)) {
            return scoped("layerNorm", s -> cuda(s).geglu(cuda(s).normal(x, norm), null, value, gate));
        }
        Tensor y = scope.allocate(ShapeRules.linearGeglu(this, x, value, gate), x.dtype());
        engine.gemm.geglu(scope, x, norm, (CudaLinearWeight) value, (CudaLinearWeight) gate, y);
        return y;
    }

    private static CudaOps cuda(Ops ops) {
        return (CudaOps) ops;
    }

    private Tensor normal(Tensor x, RowNorm norm) {
        return layerNorm(x, norm.affine(), norm.epsilon());
    }

    private RowNorm norm(Tensor x, Affine affine, float epsilon) {
        ShapeRules.layerNorm(this, x, affine);
        return new RowNorm(affine, epsilon);
    }

    private static Epilogue epilogue(LinearWeight weight) {
        return Epilogue.of(((CudaLinearWeight) weight).bias());
    }

    @Override
    public Tensor conv2d(Tensor x, Conv2dWeight weight) {
        return convolution(x, weight, ShapeRules.conv2d(this, x, weight), epilogue(weight));
    }

    @Override
    public Tensor conv2dAdd(Tensor x, Conv2dWeight weight, Tensor residual) {
        Shape shape = ShapeRules.conv2d(this, x, weight);
        ShapeRules.residual(this, "conv2dAdd", shape, x.dtype(), residual);
        return convolution(x, weight, shape, epilogue(weight).plus(residual));
    }

    @Override
    public Tensor conv2dAddPerChannel(Tensor x, Conv2dWeight weight, Tensor t) {
        Shape shape = ShapeRules.conv2d(this, x, weight);
        ShapeRules.perChannel(this, "conv2dAddPerChannel", shape, x.dtype(), t);
        return convolution(x, weight, shape, epilogue(weight).plusPerChannel(t));
    }

    private static Epilogue epilogue(Conv2dWeight weight) {
        return Epilogue.of(((CudaConv2dWeight) weight).bias());
    }

    private Tensor convolution(Tensor x, Conv2dWeight weight, Shape shape, Epilogue epilogue) {
        Tensor y = ChannelMoments.allocate(scope, shape, x.dtype());
        Tensor values = ((CudaConv2dWeight) weight).values();
        engine.convolution.convolution(scope, x, values, weight.geometry(), epilogue, y);
        return y;
    }

    @Override
    public Tensor upsampleConv2d(Tensor x, int height, int width, Conv2dWeight weight) {
        Shape shape = ShapeRules.upsampleConv2d(this, x, height, width, weight);
        Tensor phases = ((CudaConv2dWeight) weight).phases();
        if (phases == null || height != 2 * x.dim(1) || width != 2 * x.dim(2)) {
            return Ops.super.upsampleConv2d(x, height, width, weight);
        }
        Tensor y = scope.allocate(shape, x.dtype());
        engine.convolution.doubled(scope, x, phases, epilogue(weight), y);
        return y;
    }

    @Override
    public Tensor attention(Tensor q, Tensor k, Tensor v, int heads, boolean causal) {
        Tensor y = scope.allocate(ShapeRules.attention(this, q, k, v, heads, causal), q.dtype());
        engine.attention.run(q, k, v, heads, causal, y);
        return y;
    }

    // ---- normalisation ----

    @Override
    public Tensor groupNorm(Tensor x, Affine affine, int groups, float epsilon) {
        return groupNorm(x, affine, new GroupNormKernels.Form(groups, epsilon, false));
    }

    @Override
    public Tensor groupNormSilu(Tensor x, Affine affine, int groups, float epsilon) {
        return groupNorm(x, affine, new GroupNormKernels.Form(groups, epsilon, true));
    }

    private Tensor groupNorm(Tensor x, Affine affine, GroupNormKernels.Form form) {
        Tensor y = scope.allocate(ShapeRules.groupNorm(this, x, affine, form.groups()), x.dtype());
        engine.groupNorm.run(scope, x, null, affine, form, y);
        return y;
    }

    @Override
    public Tensor groupNormSiluConcat(Tensor a, Tensor b, Affine affine, int groups, float epsilon) {
        Tensor y = scope.allocate(ShapeRules.groupNormConcat(this, a, b, affine, groups), a.dtype());
        engine.groupNorm.run(scope, a, b, affine, new GroupNormKernels.Form(groups, epsilon, true), y);
        return y;
    }

    @Override
    public Tensor layerNorm(Tensor x, Affine affine, float epsilon) {
        Tensor y = scope.allocate(ShapeRules.layerNorm(this, x, affine), x.dtype());
        engine.layerNorm.run(x, affine, epsilon, y);
        return y;
    }

    // ---- element by element ----

    @Override
    public Tensor add(Tensor a, Tensor b) {
        Tensor y = scope.allocate(ShapeRules.broadcast(this, "add", a, b), a.dtype());
        engine.pointwise.add(a, b, y);
        return y;
    }

    @Override
    public Tensor mul(Tensor a, Tensor b) {
        Tensor y = scope.allocate(ShapeRules.broadcast(this, "mul", a, b), a.dtype());
        engine.pointwise.mul(a, b, y);
        return y;
    }

    @Override
    public Tensor scale(Tensor x, float factor) {
        Tensor y = like(x);
        engine.pointwise.scale(x, factor, y);
        return y;
    }

    @Override
    public Tensor clip(Tensor x, float low, float high) {
        Tensor y = like(x);
        engine.pointwise.clip(x, low, high, y);
        return y;
    }

    @Override
    public Tensor exp(Tensor x) {
        Tensor y = like(x);
        engine.pointwise.exp(x, y);
        return y;
    }

    @Override
    public Tensor silu(Tensor x) {
        Tensor y = like(x);
        engine.pointwise.silu(x, y);
        return y;
    }

    @Override
    public Tensor gelu(Tensor x) {
        Tensor y = like(x);
        engine.pointwise.gelu(x, y);
        return y;
    }

    @Override
    public Tensor quickGelu(Tensor x) {
        Tensor y = like(x);
        engine.pointwise.quickGelu(x, y);
        return y;
    }

    @Override
    public Tensor cast(Tensor x, DType dtype) {
        if (x.dtype() == dtype) {
            return x;
        }
        Tensor y = scope.allocate(x.shape(), dtype);
        engine.pointwise.cast(x, y);
        return y;
    }

    @Override
    public Tensor addPerChannel(Tensor x, Tensor t) {
        Tensor y = scope.allocate(ShapeRules.addPerChannel(this, x, t), x.dtype());
        engine.pointwise.addPerChannel(x, t, y);
        return y;
    }

    @Override
    public Tensor weightedSum(Tensor coefficients, Tensor... terms) {
        Tensor y = scope.allocate(ShapeRules.weightedSum(this, coefficients, terms), DType.F32);
        engine.diffusion.weightedSums(coefficients, terms, List.of(y));
        return y;
    }

    @Override
    public List<Tensor> weightedSums(Tensor coefficients, int outputs, Tensor... terms) {
        Shape shape = ShapeRules.weightedSums(this, coefficients, outputs, terms);
        List<Tensor> results = Stream.generate(() -> scope.allocate(shape, DType.F32))
                .limit(outputs)
                .toList();
        engine.diffusion.weightedSums(coefficients, terms, results);
        return results;
    }

    // ---- moving ----

    @Override
    public Tensor concatChannels(Tensor a, Tensor b) {
        Tensor y = scope.allocate(ShapeRules.concatChannels(this, a, b), a.dtype());
        engine.movement.concatChannels(a, b, y);
        return y;
    }

    @Override
    public Tensor concatRows(Tensor... parts) {
        Tensor y = scope.allocate(ShapeRules.concatRows(this, parts), parts[0].dtype());
        long to = y.address();
        for (Tensor part : parts) {
            engine.stream.copy(part.address(), to, part.byteSize());
            to += part.byteSize();
        }
        return y;
    }

    @Override
    public Tensor sliceChannels(Tensor x, int from, int to) {
        Tensor y = scope.allocate(ShapeRules.sliceChannels(this, x, from, to), x.dtype());
        engine.movement.sliceChannels(x, from, y);
        return y;
    }

    @Override
    public Tensor upsampleNearest(Tensor x, int height, int width) {
        Tensor y = scope.allocate(ShapeRules.upsampleNearest(this, x, height, width), x.dtype());
        engine.movement.upsampleNearest(x, y);
        return y;
    }

    @Override
    public Tensor embedding(Tensor ids, Tensor table) {
        Tensor y = scope.allocate(ShapeRules.embedding(this, ids, table), table.dtype());
        engine.movement.embedding(ids, table, y);
        return y;
    }

    @Override
    public Tensor embeddingAdd(Tensor ids, Tensor table, Tensor addend) {
        Tensor y = scope.allocate(ShapeRules.embeddingAdd(this, ids, table, addend), table.dtype());
        engine.pointwise.embeddingAdd(ids, table, addend, y);
        return y;
    }

    // ---- diffusion ----

    @Override
    public Tensor normal(Tensor streams, int height, int width, int channels) {
        Tensor y = scope.allocate(ShapeRules.normal(this, streams, height, width, channels), DType.F32);
        engine.random.normal(streams, y);
        return y;
    }

    @Override
    public Tensor timeEmbedding(Tensor t, int width, boolean cosFirst, float shift) {
        Tensor y = scope.allocate(ShapeRules.timeEmbedding(this, t, width), DType.F32);
        engine.diffusion.timeEmbedding(t, cosFirst, shift, y);
        return y;
    }

    @Override
    public Tensor rescaleGuidance(Tensor guided, Tensor conditional, float factor) {
        Tensor y = scope.allocate(ShapeRules.perImage(this, "rescaleGuidance", guided, conditional), DType.F32);
        engine.diffusion.rescaleGuidance(guided, conditional, factor, y);
        return y;
    }

    @Override
    public Tensor dynamicThreshold(Tensor x, float ratio, float max) {
        Tensor y = scope.allocate(ShapeRules.perImage(this, "dynamicThreshold", x, x), DType.F32);
        engine.diffusion.dynamicThreshold(x, ratio, max, y);
        return y;
    }

    @Override
    public Tensor toPixels(Tensor x) {
        Tensor y = scope.allocate(ShapeRules.toPixels(this, x), DType.U8);
        engine.pointwise.toPixels(x, y);
        return y;
    }

    @Override
    public Tensor fromPixels(Tensor x, DType dtype) {
        Tensor y = scope.allocate(ShapeRules.fromPixels(this, x, dtype), dtype);
        engine.pointwise.fromPixels(x, y);
        return y;
    }

    @Override
    public Tensor countNonFinite(Tensor x) {
        Tensor y = scope.allocate(Shape.of(1), DType.I32);
        engine.stream.fill(y.address(), (byte) 0, y.byteSize());
        engine.diffusion.countNonFinite(x, y);
        return y;
    }

    private Tensor like(Tensor x) {
        return scope.allocate(x.shape(), x.dtype());
    }

    private void requireLayerType(DType dtype, String name) {
        if (!dtype.isFloating()) {
            throw new IllegalArgumentException(name + ": a layer computes in f32, f16 or bf16, not in " + dtype);
        }
        if (dtype == DType.BF16 && !engine.gpu.hasBf16()) {
            throw new IllegalArgumentException(name + ": " + engine.gpu.name() + " (compute capability "
                    + engine.gpu.capabilityText() + ") cannot compute in bf16, which takes 8.0; use f16 or f32");
        }
    }
}
