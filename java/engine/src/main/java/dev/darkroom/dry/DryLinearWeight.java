package dev.darkroom.dry;

import dev.darkroom.tensor.LinearWeight;
import dev.darkroom.tensor.Tensor;

/** A matrix without values; its memory tells whether it is still alive. */
final class DryLinearWeight extends LinearWeight {
    private final Tensor memory;

    DryLinearWeight(String name, Tensor memory, boolean bias) {
        super(name, memory.shape(), memory.dtype(), bias);
        this.memory = memory;
    }

    Tensor memory() {
        return memory;
    }
}
