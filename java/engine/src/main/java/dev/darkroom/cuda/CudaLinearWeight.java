package dev.darkroom.cuda;

import dev.darkroom.tensor.LinearWeight;
import dev.darkroom.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/** A matrix as kernels read it: values [out, in] of the layer's type, bias f32 [out]. */
final class CudaLinearWeight extends LinearWeight {
    private final Tensor values;
    private final @Nullable Tensor bias;

    CudaLinearWeight(String name, Tensor values, @Nullable Tensor bias) {
        super(name, values.shape(), values.dtype(), bias != null);
        this.values = values;
        this.bias = bias;
    }

    Tensor values() {
        return values;
    }

    @Nullable
    Tensor bias() {
        return bias;
    }
}
