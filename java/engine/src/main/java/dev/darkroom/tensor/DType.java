package dev.darkroom.tensor;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/** The element types a tensor may have. */
public enum DType {
    F32(4),
    F16(2),
    BF16(2),
    I32(4),
    I64(8),
    U8(1);

    private final int bytes;

    DType(int bytes) {
        this.bytes = bytes;
    }

    /** Bytes of one element. */
    public int bytes() {
        return bytes;
    }

    /** Whether this is one of the floating types. */
    public boolean isFloating() {
        return this == F32 || this == F16 || this == BF16;
    }

    /** The type of this name; accepts the spellings of users and of diffusers ("f16", "float16", "fp16", "half"). */
    public static DType parse(String name) {
        return switch (name.toLowerCase(Locale.ROOT)) {
            case "f32", "float32", "fp32", "float" -> F32;
            case "f16", "float16", "fp16", "half" -> F16;
            case "bf16", "bfloat16" -> BF16;
            case "i32", "int32" -> I32;
            case "i64", "int64" -> I64;
            case "u8", "uint8" -> U8;
            default ->
                throw new IllegalArgumentException("unknown element type \"" + name + "\"; known are "
                        + Arrays.stream(values()).map(DType::toString).collect(Collectors.joining(", ")));
        };
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
