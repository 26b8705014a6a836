package dev.darkroom.cuda;

import dev.darkroom.tensor.Conv2dWeight;
import dev.darkroom.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/** A convolution kernel as kernels read it: values [out, kh, kw, in] of the layer's type, bias f32 [out]. */
final class CudaConv2dWeight extends Conv2dWeight {
    private final Tensor values;
    private final @Nullable Tensor bias;
    private final @Nullable Tensor phases;

    /** @param phases [4, out, 2, 2, in], the same for a map that is doubled first, where the weight is meant for that */
    CudaConv2dWeight(String name, Tensor values, @Nullable Tensor bias, Geometry geometry, @Nullable Tensor phases) {
        super(name, values.shape(), values.dtype(), bias != null, geometry);
        this.values = values;
        this.bias = bias;
        this.phases = phases;
    }

    Tensor values() {
        return values;
    }

    @Nullable
    Tensor bias() {
        return bias;
    }

    @Nullable
    Tensor phases() {
        return phases;
    }
}
