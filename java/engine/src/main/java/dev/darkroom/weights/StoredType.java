package dev.darkroom.weights;

import dev.darkroom.tensor.DType;
import org.jspecify.annotations.Nullable;

/** The element types a safetensors file may declare; those without a {@link DType} may be present but cannot be read. */
public enum StoredType {
    F32(32, DType.F32),
    F16(16, DType.F16),
    BF16(16, DType.BF16),
    I32(32, DType.I32),
    I64(64, DType.I64),
    U8(8, DType.U8),
    BOOL(8, null),
    I8(8, null),
    I16(16, null),
    U16(16, null),
    U32(32, null),
    U64(64, null),
    F64(64, null),
    C64(64, null),
    F8_E4M3(8, null),
    F8_E5M2(8, null),
    F8_E8M0(8, null),
    F6_E2M3(6, null),
    F6_E3M2(6, null),
    F4(4, null);

    private final int bits;
    private final @Nullable DType dtype;

    StoredType(int bits, @Nullable DType dtype) {
        this.bits = bits;
        this.dtype = dtype;
    }

    /** Bits of one element. */
    public int bits() {
        return bits;
    }

    /** The element type that reads this, or null where there is none. */
    public @Nullable DType dtype() {
        return dtype;
    }

    /** How {@code dtype} is stored. */
    public static StoredType of(DType dtype) {
        return valueOf(dtype.name());
    }
}
