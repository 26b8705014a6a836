package dev.darkroom.dry;

import dev.darkroom.tensor.Conv2dWeight;
import dev.darkroom.tensor.Tensor;

/** A convolution kernel without values; its memory tells whether it is still alive. */
final class DryConv2dWeight extends Conv2dWeight {
    private final Tensor memory;

    DryConv2dWeight(String name, Tensor memory, boolean bias, Geometry geometry) {
        super(name, memory.shape(), memory.dtype(), bias, geometry);
        this.memory = memory;
    }

    Tensor memory() {
        return memory;
    }
}
