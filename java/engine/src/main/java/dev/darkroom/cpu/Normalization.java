package dev.darkroom.cpu;

import dev.darkroom.tensor.Affine;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import org.bytedeco.dnnl.batch_normalization_forward;
import org.bytedeco.dnnl.binary;
import org.bytedeco.dnnl.global.dnnl;
import org.bytedeco.dnnl.layer_normalization_forward;
import org.bytedeco.dnnl.memory;
import org.bytedeco.dnnl.post_ops;
import org.bytedeco.dnnl.primitive_attr;

/**
 * Group and layer normalisation.
 *
 * <p>oneDNN's own group normalisation takes a tenth of its speed when groups are narrower than a vector, as at the end of an autoencoder.
 * So the moments of each channel come from its batch normalisation (two passes: mean, then squares about it), a few lines of Java combine them
 * to the groups', and one pass applies them, with SiLU where that follows.
 */
final class Normalization {
    private static final int SCALE_AND_SHIFT =
            dnnl.normalization_flags.use_scale.value | dnnl.normalization_flags.use_shift.value;

    private final Kernels kernels;

    private record MomentsKey(long pixels, int channels, DType dtype) {}

    private record ApplyKey(long pixels, int channels, DType dtype, Epilogue epilogue) {}

    private record LayerKey(long rows, int channels, float epsilon, DType dtype) {}

    Normalization(Kernels kernels) {
        this.kernels = kernels;
    }

    /** x [n, ..., c] → y, an image at a time. */
    void group(Scope scope, Tensor x, Affine affine, int groups, float epsilon, Epilogue epilogue, Tensor y) {
        int channels = x.dim(-1);
        long pixels = x.shape().rows() / Math.max(1, x.dim(0));
        Kernel moments = kernels.get(new MomentsKey(pixels, channels, x.dtype()), this::makeMoments);
        Kernel apply = kernels.get(new ApplyKey(pixels, channels, x.dtype(), epilogue), this::makeApply);
        try (Scope vectors = scope.child("moments")) {
            Tensor mean = vectors.allocate(Shape.of(channels), DType.F32);
            Tensor variance = vectors.allocate(Shape.of(channels), DType.F32);
            for (int image = 0; image < x.dim(0); image++) {
                long from = x.rows(image, image + 1).address();
                long to = y.rows(image, image + 1).address();
                moments.run(vectors, from, to, mean.address(), variance.address());
                combine(mean, variance, affine.gain(), groups, epsilon);
                apply.run(
                        vectors,
                        from,
                        to,
                        mean.address(),
                        variance.address(),
                        affine.bias().address());
            }
        }
    }

    /** Turns the channels' means into their groups', and the channels' variances into gain / √(group's variance + epsilon). */
    private static void combine(Tensor mean, Tensor variance, Tensor gain, int groups, float epsilon) {
        int channels = mean.dim(0);
        float[] means = new float[channels];
        float[] variances = new float[channels];
        float[] gains = new float[channels];
        NativeMemory.read(mean, 0, means, channels);
        NativeMemory.read(variance, 0, variances, channels);
        NativeMemory.read(gain, 0, gains, channels);
        int width = channels / groups;
        for (int start = 0; start < channels; start += width) {
            double sum = 0;
            for (int c = start; c < start + width; c++) {
                sum += means[c];
            }
            double groupMean = sum / width;
            double squares = 0;
            for (int c = start; c < start + width; c++) {
                squares += variances[c] + (means[c] - groupMean) * (means[c] - groupMean);
            }
            double factor = 1 / Math.sqrt(squares / width + epsilon);
            for (int c = start; c < start + width; c++) {
                means[c] = (float) groupMean;
                variances[c] = (float) (gains[c] * factor);
            }
        }
        NativeMemory.write(mean, 0, means, channels);
        NativeMemory.write(variance, 0, variances, channels);
    }

    /** x [..., c] → y. */
    void layer(Scope scope, Tensor x, Affine affine, float epsilon, Tensor y) {
        LayerKey key = new LayerKey(x.shape().rows(), x.dim(-1), epsilon, x.dtype());
        kernels.get(key, this::makeLayer)
                .run(
                        scope,
                        x.address(),
                        y.address(),
                        affine.gain().address(),
                        affine.bias().address());
    }

    /** Mean and variance of each channel; its normalised values, which it cannot but write, are overwritten afterwards. */
    private Kernel makeMoments(MomentsKey key) {
        memory.desc map = Layouts.image(key.dtype, key.channels, key.pixels, 1);
        memory.desc vector = Layouts.rowMajor(DType.F32, key.channels);
        batch_normalization_forward.primitive_desc description = new batch_normalization_forward.primitive_desc(
                kernels.library().engine(),
                dnnl.prop_kind.forward_training.value,
                map,
                map,
                0,
                dnnl.normalization_flags.none.value,
                Layouts.attributes(),
                false);
        return new Kernel(
                kernels.library(),
                new batch_normalization_forward(description),
                description.scratchpad_desc(),
                new int[] {dnnl.DNNL_ARG_SRC, dnnl.DNNL_ARG_DST, dnnl.DNNL_ARG_MEAN, dnnl.DNNL_ARG_VARIANCE},
                map,
                map,
                vector,
                vector);
    }

    /** epilogue((x - mean) · factor + bias), with a mean, a factor and a bias for each channel. */
    private Kernel makeApply(ApplyKey key) {
        memory.desc map = Layouts.image(key.dtype, key.channels, key.pixels, 1);
        memory.desc vector = Layouts.image(DType.F32, key.channels, 1, 1);
        primitive_attr attributes = Layouts.attributes();
        post_ops steps = new post_ops();
        steps.append_binary(dnnl.algorithm.binary_mul, vector);
        steps.append_binary(dnnl.algorithm.binary_add, vector);
        key.epilogue.appendTo(steps);
        attributes.set_post_ops(steps);
        binary.primitive_desc description = new binary.primitive_desc(
                kernels.library().engine(), dnnl.algorithm.binary_sub, map, vector, map, attributes, false);
        return new Kernel(
                kernels.library(),
                new binary(description),
                description.scratchpad_desc(),
                new int[] {
                    dnnl.DNNL_ARG_SRC_0,
                    dnnl.DNNL_ARG_DST,
                    dnnl.DNNL_ARG_SRC_1,
                    Epilogue.operandName(0),
                    Epilogue.operandName(1)
                },
                map,
                map,
                vector,
                vector,
                vector);
    }

    private Kernel makeLayer(LayerKey key) {
        memory.desc rows = Layouts.rowMajor(key.dtype, key.rows, key.channels);
        memory.desc vector = Layouts.rowMajor(DType.F32, key.channels);
        layer_normalization_forward.primitive_desc description = new layer_normalization_forward.primitive_desc(
                kernels.library().engine(),
                dnnl.prop_kind.forward_inference.value,
                rows,
                rows,
                key.epsilon,
                SCALE_AND_SHIFT,
                Layouts.attributes(),
                false);
        return new Kernel(
                kernels.library(),
                new layer_normalization_forward(description),
                description.scratchpad_desc(),
                new int[] {dnnl.DNNL_ARG_SRC, dnnl.DNNL_ARG_DST, dnnl.DNNL_ARG_SCALE, dnnl.DNNL_ARG_SHIFT},
                rows,
                rows,
                vector,
                vector);
    }
}
