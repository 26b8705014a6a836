package dev.darkroom.cpu;

import dev.darkroom.tensor.Conv2dWeight;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import java.util.HashMap;
import java.util.Map;
import org.bytedeco.dnnl.deconvolution_forward;
import org.bytedeco.dnnl.global.dnnl;
import org.bytedeco.dnnl.memory;

/**
 * A 3 x 3 convolution of a map enlarged twice by nearest neighbours, as one transposed convolution of the small map.
 *
 * <p>Each pixel of the result sees only 2 x 2 different pixels of the small map, so taps that meet the same pixel are summed beforehand:
 * along one dimension the taps w0, w1, w2 become w2, w1 + w2, w0 + w1, w0 of a transposed convolution of step 2. That is 4/9 of the
 * multiplications, and the enlarged map is never made.
 */
final class Upsampling {
    private static final int TAPS = 4;

    /** For each tap of the transposed kernel, the first and the last tap of the kernel that it sums. */
    private static final int[] FIRST = {2, 1, 0, 0};

    private static final int[] LAST = {2, 2, 1, 0};

    private final Kernels kernels;
    private final Map<Key, Boolean> suited = new HashMap<>();

    private record Key(int height, int width, int in, int out, DType dtype, boolean bias) {}

    Upsampling(Kernels kernels) {
        this.kernels = kernels;
    }

    /** Whether a kernel [out, kh, kw, in] can be used in this way. */
    static boolean applies(Shape shape, Conv2dWeight.Geometry geometry) {
        return shape.dim(1) == 3 && shape.dim(2) == 3 && geometry.equals(Conv2dWeight.Geometry.afterUpsample(3));
    }

    /** Kernel [out, in, 3, 3] in f32 → [out, in, 4, 4]. */
    static Tensor sumTaps(Scope scope, Tensor kernel, Shape shape, int threads) {
        int out = shape.dim(0);
        int in = shape.dim(3);
        Tensor result = scope.allocate(Shape.of(out, in, TAPS, TAPS), DType.F32);
        int parts = Math.min(threads, out);
        Parallel.run(parts, part -> {
            float[] from = new float[9 * in];
            float[] to = new float[TAPS * TAPS * in];
            for (int row = Parallel.bound(out, part, parts); row < Parallel.bound(out, part + 1, parts); row++) {
                NativeMemory.read(kernel, (long) row * from.length, from, from.length);
                for (int plane = 0; plane < in; plane++) {
                    sumTaps(from, 9 * plane, to, TAPS * TAPS * plane);
                }
                NativeMemory.write(result, (long) row * to.length, to, to.length);
            }
        });
        return result;
    }

    private static void sumTaps(float[] from, int start, float[] to, int target) {
        for (int row = 0; row < TAPS; row++) {
            for (int column = 0; column < TAPS; column++) {
                to[target + TAPS * row + column] = sum(from, start, row, column);
            }
        }
    }

    private static float sum(float[] taps, int start, int row, int column) {
        float sum = 0;
        for (int i = FIRST[row]; i <= LAST[row]; i++) {
            for (int j = FIRST[column]; j <= LAST[column]; j++) {
                sum += taps[start + 3 * i + j];
            }
        }
        return sum;
    }

    /** The layout of the packed weights. */
    memory.desc weightLayout(int in, int out, DType dtype) {
        return describe(new Key(16, 16, in, out, dtype, true)).weights_desc();
    }

    /** Whether maps of x's size want the weights as they were packed; small and odd ones may not. */
    boolean takes(Tensor x, CpuConv2dWeight weight) {
        Key key = key(x, weight);
        return suited.computeIfAbsent(key, k -> describe(k).weights_desc().equals(weightLayout(k.in, k.out, k.dtype)));
    }

    private static Key key(Tensor x, CpuConv2dWeight weight) {
        return new Key(x.dim(1), x.dim(2), weight.in(), weight.out(), x.dtype(), weight.hasBias());
    }

    /** x [n, h, w, in], which this {@link #takes}, → y [n, 2h, 2w, out]. */
    void run(Scope scope, Tensor x, CpuConv2dWeight weight, Tensor transposed, Tensor y) {
        Kernel kernel = kernels.get(key(x, weight), this::make);
        for (int image = 0; image < x.dim(0); image++) {
            kernel.run(
                    scope,
                    x.rows(image, image + 1).address(),
                    y.rows(image, image + 1).address(),
                    transposed.address(),
                    weight.biasAddress());
        }
    }

    private Kernel make(Key key) {
        deconvolution_forward.primitive_desc description = describe(key);
        return new Kernel(
                kernels.library(),
                new deconvolution_forward(description),
                description.scratchpad_desc(),
                new int[] {dnnl.DNNL_ARG_SRC, dnnl.DNNL_ARG_DST, dnnl.DNNL_ARG_WEIGHTS, dnnl.DNNL_ARG_BIAS},
                description.src_desc(),
                description.dst_desc(),
                description.weights_desc(),
                description.bias_desc());
    }

    private deconvolution_forward.primitive_desc describe(Key key) {
        return new deconvolution_forward.primitive_desc(
                kernels.library().engine(),
                dnnl.prop_kind.forward_inference,
                dnnl.algorithm.deconvolution_direct,
                Layouts.image(key.dtype, key.in, key.height, key.width),
                Layouts.any(key.dtype, key.out, key.in, TAPS, TAPS),
                key.bias ? Layouts.rowMajor(DType.F32, key.out) : new memory.desc(),
                Layouts.image(key.dtype, key.out, 2 * key.height, 2 * key.width),
                new long[] {2, 2},
                new long[] {1, 1},
                new long[] {1, 1},
                Layouts.attributes(),
                false);
    }
}
