package dev.darkroom.cpu;

import dev.darkroom.tensor.Affine;
import dev.darkroom.tensor.Conv2dWeight;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Device;
import dev.darkroom.tensor.HostTensor;
import dev.darkroom.tensor.LinearWeight;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.ShapeRules;
import dev.darkroom.tensor.Tensor;
import org.bytedeco.dnnl.global.dnnl;
import org.jspecify.annotations.Nullable;

/** Checks operands, allocates results and hands the work to the part that does it. */
final class CpuOps implements Ops {
    private final Device device;
    private final CpuEngine engine;
    private final Scope scope;

    CpuOps(Device device, CpuEngine engine, Scope scope) {
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

    // ---- from the host ----

    @Override
    public Tensor upload(HostTensor values, DType dtype) {
        requireSupported(dtype, values.name());
        return engine.packing.upload(scope, values, dtype);
    }

    @Override
    public LinearWeight linearWeight(HostTensor weight, @Nullable HostTensor bias, DType dtype) {
        requireLayerType(dtype, weight.name());
        Shape shape = ShapeRules.linearWeight(this, weight, bias);
        return engine.packing.linear(scope, shape, weight, bias, dtype);
    }

    @Override
    public Conv2dWeight conv2dWeight(
            HostTensor weight, @Nullable HostTensor bias, Conv2dWeight.Geometry geometry, DType dtype) {
        requireLayerType(dtype, weight.name());
        Shape shape = ShapeRules.conv2dWeight(this, weight, bias);
        return engine.packing.convolution(scope, shape, weight, bias, geometry, dtype);
    }

    // ---- matrix products ----

    @Override
    public Tensor linear(Tensor x, LinearWeight weight) {
        return product(x, weight, Epilogue.NONE, null);
    }

    @Override
    public Tensor linearGelu(Tensor x, LinearWeight weight) {
        return product(x, weight, Epilogue.GELU, null);
    }

    @Override
    public Tensor linearQuickGelu(Tensor x, LinearWeight weight) {
        return product(x, weight, Epilogue.QUICK_GELU, null);
    }

    @Override
    public Tensor linearSilu(Tensor x, LinearWeight weight) {
        return product(x, weight, Epilogue.SILU, null);
    }

    @Override
    public Tensor linearAdd(Tensor x, LinearWeight weight, Tensor residual) {
        Shape shape = ShapeRules.linear(this, x, weight);
        ShapeRules.residual(this, "linearAdd", shape, x.dtype(), residual);
        return product(x, weight, Epilogue.ADD, residual);
    }

    @Override
    public Tensor linearGeglu(Tensor x, LinearWeight value, LinearWeight gate) {
        ShapeRules.linearGeglu(this, x, value, gate);
        return scoped("geglu", s -> {
            CpuOps inner = (CpuOps) s;
            Tensor gates = inner.product(x, gate, Epilogue.GELU, null);
            return inner.product(x, value, Epilogue.MULTIPLY, gates);
        });
    }

    private Tensor product(Tensor x, LinearWeight weight, Epilogue epilogue, @Nullable Tensor operand) {
        Shape shape = ShapeRules.linear(this, x, weight);
        Tensor y = scope.allocate(shape, x.dtype());
        engine.matMul.run(scope, x, (CpuLinearWeight) weight, epilogue, operand, y);
        return y;
    }

    @Override
    public Tensor conv2d(Tensor x, Conv2dWeight weight) {
        Shape shape = ShapeRules.conv2d(this, x, weight);
        return convolution(x, weight, shape, Convolution.Addend.NONE, null);
    }

    @Override
    public Tensor conv2dAdd(Tensor x, Conv2dWeight weight, Tensor residual) {
        Shape shape = ShapeRules.conv2d(this, x, weight);
        ShapeRules.residual(this, "conv2dAdd", shape, x.dtype(), residual);
        return convolution(x, weight, shape, Convolution.Addend.MAP, residual);
    }

    @Override
    public Tensor conv2dAddPerChannel(Tensor x, Conv2dWeight weight, Tensor t) {
        Shape shape = ShapeRules.conv2d(this, x, weight);
        ShapeRules.perChannel(this, "conv2dAddPerChannel", shape, x.dtype(), t);
        if (((CpuConv2dWeight) weight).pointwise() != null) {
            return Ops.super.conv2dAddPerChannel(x, weight, t);
        }
        return convolution(x, weight, shape, Convolution.Addend.CHANNELS, t);
    }

    @Override
    public Tensor upsampleConv2d(Tensor x, int height, int width, Conv2dWeight weight) {
        Shape shape = ShapeRules.upsampleConv2d(this, x, height, width, weight);
        CpuConv2dWeight packed = (CpuConv2dWeight) weight;
        Tensor transposed = packed.transposed();
        boolean doubles = height == 2 * x.dim(1) && width == 2 * x.dim(2);
        if (transposed == null || !doubles || !engine.upsampling.takes(x, packed)) {
            return Ops.super.upsampleConv2d(x, height, width, weight);
        }
        Tensor y = scope.allocate(shape, x.dtype());
        engine.upsampling.run(scope, x, packed, transposed, y);
        return y;
    }

    private Tensor convolution(
            Tensor x, Conv2dWeight weight, Shape shape, Convolution.Addend kind, @Nullable Tensor addend) {
        CpuConv2dWeight packed = (CpuConv2dWeight) weight;
        Tensor y = scope.allocate(shape, x.dtype());
        CpuLinearWeight pointwise = packed.pointwise();
        if (pointwise == null) {
            engine.convolution.run(scope, x, packed, kind, addend, y);
        } else {
            engine.matMul.run(scope, x, pointwise, addend == null ? Epilogue.NONE : Epilogue.ADD, addend, y);
        }
        return y;
    }

    @Override
    public Tensor attention(Tensor q, Tensor k, Tensor v, int heads, boolean causal) {
        Tensor y = scope.allocate(ShapeRules.attention(this, q, k, v, heads, causal), q.dtype());
        engine.attention.run(scope, q, k, v, heads, causal, y);
        return y;
    }

    // ---- normalisation ----

    @Override
    public Tensor groupNorm(Tensor x, Affine affine, int groups, float epsilon) {
        return groupNorm(x, affine, groups, epsilon, Epilogue.NONE);
    }

    @Override
    public Tensor groupNormSilu(Tensor x, Affine affine, int groups, float epsilon) {
        return groupNorm(x, affine, groups, epsilon, Epilogue.SILU);
    }

    private Tensor groupNorm(Tensor x, Affine affine, int groups, float epsilon, Epilogue epilogue) {
        Tensor y = scope.allocate(ShapeRules.groupNorm(this, x, affine, groups), x.dtype());
        engine.normalization.group(scope, x, affine, groups, epsilon, epilogue, y);
        return y;
    }

    @Override
    public Tensor layerNorm(Tensor x, Affine affine, float epsilon) {
        Tensor y = scope.allocate(ShapeRules.layerNorm(this, x, affine), x.dtype());
        engine.normalization.layer(scope, x, affine, epsilon, y);
        return y;
    }

    // ---- element by element ----

    @Override
    public Tensor add(Tensor a, Tensor b) {
        return binary("add", dnnl.algorithm.binary_add, a, b);
    }

    @Override
    public Tensor mul(Tensor a, Tensor b) {
        return binary("mul", dnnl.algorithm.binary_mul, a, b);
    }

    private Tensor binary(String name, dnnl.algorithm function, Tensor a, Tensor b) {
        Tensor y = scope.allocate(ShapeRules.broadcast(this, name, a, b), a.dtype());
        binary(function, a, b, y);
        return y;
    }

    /** a and b, repeated where it has fewer elements → y, which may be a. */
    private void binary(dnnl.algorithm function, Tensor a, Tensor b, Tensor y) {
        long columns = b.shape().count();
        if (columns > 0) {
            long rows = a.shape().count() / columns;
            engine.pointwise.binary(scope, function, a.address(), b.address(), y.address(), a.dtype(), rows, columns);
        }
    }

    @Override
    public Tensor scale(Tensor x, float factor) {
        return function(x, dnnl.algorithm.eltwise_linear, factor);
    }

    @Override
    public Tensor clip(Tensor x, float low, float high) {
        Tensor y = like(x);
        Diffusion.clip(x, low, high, y);
        return y;
    }

    @Override
    public Tensor exp(Tensor x) {
        Tensor y = like(x);
        Diffusion.exp(x, y);
        return y;
    }

    @Override
    public Tensor silu(Tensor x) {
        return function(x, dnnl.algorithm.eltwise_swish, 1);
    }

    @Override
    public Tensor gelu(Tensor x) {
        return function(x, dnnl.algorithm.eltwise_gelu_erf, 0);
    }

    @Override
    public Tensor quickGelu(Tensor x) {
        return function(x, dnnl.algorithm.eltwise_swish, 1.702f);
    }

    private Tensor function(Tensor x, dnnl.algorithm function, float alpha) {
        Tensor y = like(x);
        engine.pointwise.function(scope, x, function, alpha, 0, y);
        return y;
    }

    @Override
    public Tensor cast(Tensor x, DType dtype) {
        if (x.dtype() == dtype) {
            return x;
        }
        requireSupported(dtype, "cast");
        Tensor y = scope.allocate(x.shape(), dtype);
        if (dtype.isFloating() && !x.dtype().isFloating()) { // oneDNN converts integers to bf16 on some processors only
            NativeMemory.forEachChunk(x, (values, count, start) -> NativeMemory.write(y, start, values, count));
        } else {
            engine.pointwise.cast(scope, x, y);
        }
        return y;
    }

    @Override
    public Tensor addPerChannel(Tensor x, Tensor t) {
        Tensor y = scope.allocate(ShapeRules.addPerChannel(this, x, t), x.dtype());
        long pixels = x.shape().rows() / Math.max(1, x.dim(0));
        for (int image = 0; image < x.dim(0); image++) {
            long from = x.rows(image, image + 1).address();
            long addend = t.rows(image, image + 1).address();
            long to = y.rows(image, image + 1).address();
            engine.pointwise.binary(scope, dnnl.algorithm.binary_add, from, addend, to, x.dtype(), pixels, x.dim(-1));
        }
        return y;
    }

    @Override
    public Tensor weightedSum(Tensor coefficients, Tensor... terms) {
        Tensor y = scope.allocate(ShapeRules.weightedSum(this, coefficients, terms), DType.F32);
        Diffusion.weightedSum(coefficients, terms, y);
        return y;
    }

    // ---- moving ----

    @Override
    public Tensor concatChannels(Tensor a, Tensor b) {
        Tensor y = scope.allocate(ShapeRules.concatChannels(this, a, b), a.dtype());
        engine.pointwise.concat(scope, a, b, y);
        return y;
    }

    @Override
    public Tensor concatRows(Tensor... parts) {
        Tensor y = scope.allocate(ShapeRules.concatRows(this, parts), parts[0].dtype());
        Movement.concatRows(parts, y);
        return y;
    }

    @Override
    public Tensor sliceChannels(Tensor x, int from, int to) {
        Tensor y = scope.allocate(ShapeRules.sliceChannels(this, x, from, to), x.dtype());
        engine.pointwise.slice(scope, x, from, to, y);
        return y;
    }

    @Override
    public Tensor upsampleNearest(Tensor x, int height, int width) {
        Tensor y = scope.allocate(ShapeRules.upsampleNearest(this, x, height, width), x.dtype());
        Movement.upsampleNearest(x, y);
        return y;
    }

    @Override
    public Tensor embedding(Tensor ids, Tensor table) {
        Tensor y = scope.allocate(ShapeRules.embedding(this, ids, table), table.dtype());
        Movement.embedding(this, ids, table, y);
        return y;
    }

    @Override
    public Tensor embeddingAdd(Tensor ids, Tensor table, Tensor addend) {
        Tensor y = scope.allocate(ShapeRules.embeddingAdd(this, ids, table, addend), table.dtype());
        Movement.embedding(this, ids, table, y);
        binary(dnnl.algorithm.binary_add, y, addend, y);
        return y;
    }

    // ---- diffusion ----

    @Override
    public Tensor normal(Tensor streams, int height, int width, int channels) {
        Tensor y = scope.allocate(ShapeRules.normal(this, streams, height, width, channels), DType.F32);
        Diffusion.normal(streams, y);
        return y;
    }

    @Override
    public Tensor timeEmbedding(Tensor t, int width, boolean cosFirst, float shift) {
        Tensor y = scope.allocate(ShapeRules.timeEmbedding(this, t, width), DType.F32);
        Diffusion.timeEmbedding(t, width, cosFirst, shift, y);
        return y;
    }

    @Override
    public Tensor rescaleGuidance(Tensor guided, Tensor conditional, float factor) {
        Tensor y = scope.allocate(ShapeRules.perImage(this, "rescaleGuidance", guided, conditional), DType.F32);
        Diffusion.rescaleGuidance(guided, conditional, factor, y);
        return y;
    }

    @Override
    public Tensor dynamicThreshold(Tensor x, float ratio, float max) {
        Tensor y = scope.allocate(ShapeRules.perImage(this, "dynamicThreshold", x, x), DType.F32);
        Diffusion.dynamicThreshold(x, ratio, max, y);
        return y;
    }

    @Override
    public Tensor toPixels(Tensor x) {
        Tensor y = scope.allocate(ShapeRules.toPixels(this, x), DType.U8);
        Diffusion.toPixels(x, y);
        return y;
    }

    @Override
    public Tensor fromPixels(Tensor x, DType dtype) {
        requireSupported(dtype, "fromPixels");
        Tensor y = scope.allocate(ShapeRules.fromPixels(this, x, dtype), dtype);
        Diffusion.fromPixels(x, y);
        return y;
    }

    @Override
    public Tensor countNonFinite(Tensor x) {
        Tensor y = scope.allocate(Shape.of(1), DType.I32);
        Diffusion.countNonFinite(x, y);
        return y;
    }

    private Tensor like(Tensor x) {
        return scope.allocate(x.shape(), x.dtype());
    }

    private void requireLayerType(DType dtype, String name) {
        if (!dtype.isFloating()) {
            throw new IllegalArgumentException(name + ": a layer computes in f32 or bf16, not in " + dtype);
        }
        requireSupported(dtype, name);
    }

    private void requireSupported(DType dtype, String name) {
        if (dtype == DType.F16 || dtype == DType.I64) {
            throw new IllegalArgumentException(
                    name + ": the cpu device does not hold " + dtype
                            + "; use f32 or bf16 (i32 for integers), to which weights of any type are converted as they are loaded");
        }
        if (dtype == DType.BF16 && !engine.library.hasWideVectors()) {
            throw new IllegalArgumentException(name + ": this processor (" + engine.library.instructionSet()
                    + ") cannot compute in bf16; use f32");
        }
    }
}
