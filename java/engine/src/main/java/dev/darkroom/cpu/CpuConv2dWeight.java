package dev.darkroom.cpu;

import dev.darkroom.tensor.Conv2dWeight;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.dnnl.memory;
import org.jspecify.annotations.Nullable;

/**
 * A convolution kernel in the layouts that oneDNN's convolutions read.
 *
 * <p>The layout depends on the kernel, and for few shapes on the size of the map as well; those get a second form when they are met.
 */
final class CpuConv2dWeight extends Conv2dWeight {
    /** The values in one layout. */
    record Form(memory.desc layout, Tensor values) {}

    private final List<Form> forms = new ArrayList<>();
    private final Scope scope;
    private final @Nullable Tensor bias;
    private final @Nullable Tensor transposed;
    private final @Nullable CpuLinearWeight pointwise;

    /**
     * @param scope      the owner, also of forms made later
     * @param pointwise  the same as a matrix, for kernels of one pixel
     * @param transposed the same as a transposed convolution of step 2, for kernels that follow an upsampling
     */
    CpuConv2dWeight(
            String name,
            Shape shape,
            DType dtype,
            Geometry geometry,
            Scope scope,
            @Nullable Tensor bias,
            @Nullable CpuLinearWeight pointwise,
            @Nullable Tensor transposed) {
        super(name, shape, dtype, bias != null, geometry);
        this.scope = scope;
        this.bias = bias;
        this.pointwise = pointwise;
        this.transposed = transposed;
    }

    Scope scope() {
        return scope;
    }

    List<Form> forms() {
        return forms;
    }

    @Nullable
    CpuLinearWeight pointwise() {
        return pointwise;
    }

    @Nullable
    Tensor transposed() {
        return transposed;
    }

    /** The address of the bias; 0 when there is none. */
    long biasAddress() {
        return bias == null ? 0 : bias.address();
    }
}
