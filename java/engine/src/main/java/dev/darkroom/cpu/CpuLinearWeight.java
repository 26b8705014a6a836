package dev.darkroom.cpu;

import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.LinearWeight;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/** A matrix in the blocked layout that oneDNN's matrix products read, the same for any number of rows of x. */
final class CpuLinearWeight extends LinearWeight {
    private final Tensor packed;
    private final @Nullable Tensor bias;

    CpuLinearWeight(String name, Shape shape, DType dtype, Tensor packed, @Nullable Tensor bias) {
        super(name, shape, dtype, bias != null);
        this.packed = packed;
        this.bias = bias;
    }

    long address() {
        return packed.address();
    }

    /** The address of the bias; 0 when there is none. */
    long biasAddress() {
        return bias == null ? 0 : bias.address();
    }
}
