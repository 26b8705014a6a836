package dev.darkroom.cpu;

import dev.darkroom.tensor.Affine;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Tensor;
import org.bytedeco.dnnl.global.dnnl;
import org.bytedeco.dnnl.group_normalization_forward;
import org.bytedeco.dnnl.layer_normalization_forward;
import org.bytedeco.dnnl.memory;

/** Group and layer normalisation. */
final class Normalization {
    private static final int SCALE_AND_SHIFT =
            dnnl.normalization_flags.use_scale.value | dnnl.normalization_flags.use_shift.value;
    private static final int[] ARGUMENTS = {
        dnnl.DNNL_ARG_SRC, dnnl.DNNL_ARG_DST, dnnl.DNNL_ARG_SCALE, dnnl.DNNL_ARG_SHIFT
    };

    private final Kernels kernels;

    private record GroupKey(long pixels, int channels, int groups, float epsilon, DType dtype, Epilogue epilogue) {}

    private record LayerKey(long rows, int channels, float epsilon, DType dtype) {}

    Normalization(Kernels kernels) {
        this.kernels = kernels;
    }

    /** x [n, ..., c] → y, an image at a time. */
    void group(Scope scope, Tensor x, Affine affine, int groups, float epsilon, Epilogue epilogue, Tensor y) {
        long pixels = x.shape().rows() / Math.max(1, x.dim(0));
        GroupKey key = new GroupKey(pixels, x.dim(-1), groups, epsilon, x.dtype(), epilogue);
        Kernel kernel = kernels.get(key, this::makeGroup);
        for (int image = 0; image < x.dim(0); image++) {
            kernel.run(
                    scope,
                    x.rows(image, image + 1).address(),
                    y.rows(image, image + 1).address(),
                    affine.gain().address(),
                    affine.bias().address());
        }
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

    private Kernel makeGroup(GroupKey key) {
        memory.desc map = Layouts.image(key.dtype, key.channels, key.pixels, 1);
        memory.desc vector = Layouts.rowMajor(DType.F32, key.channels);
        group_normalization_forward.primitive_desc description = new group_normalization_forward.primitive_desc(
                kernels.library().engine(),
                dnnl.prop_kind.forward_inference.value,
                map,
                map,
                key.groups,
                key.epsilon,
                SCALE_AND_SHIFT,
                key.epilogue.attributes(new memory.desc()),
                false);
        return new Kernel(
                kernels.library(),
                new group_normalization_forward(description),
                description.scratchpad_desc(),
                ARGUMENTS,
                map,
                map,
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
                ARGUMENTS,
                rows,
                rows,
                vector,
                vector);
    }
}
