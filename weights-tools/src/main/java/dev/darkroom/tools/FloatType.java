package dev.darkroom.tools;

import dev.darkroom.tensor.DType;

/** The element types weights are written in. */
enum FloatType {
    F32(DType.F32),
    F16(DType.F16),
    BF16(DType.BF16);

    private final DType dtype;

    FloatType(DType dtype) {
        this.dtype = dtype;
    }

    DType dtype() {
        return dtype;
    }
}
