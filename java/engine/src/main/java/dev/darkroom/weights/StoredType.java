package dev.darkroom.weights;

import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.HalfFloats;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/**
 * The element types that files may declare. Those of a {@link DType} are read as they are, some others as the nearest one that holds them; the
 * rest may be present but cannot be read.
 */
public enum StoredType {
    F32(32, DType.F32),
    F16(16, DType.F16),
    BF16(16, DType.BF16),
    I32(32, DType.I32),
    I64(64, DType.I64),
    U8(8, DType.U8),
    BOOL(8, DType.U8),
    I8(8, null),
    I16(16, null),
    U16(16, null),
    U32(32, null),
    U64(64, null),
    /** Read as f32, which is what sums are kept in here: rounded to nearest even. */
    F64(64, DType.F32),
    C64(64, null),
    /** Read as f16, which holds every value. */
    F8_E4M3(8, DType.F16),
    /** Read as f16, which holds every value. */
    F8_E5M2(8, DType.F16),
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

    /** Little-endian elements of this type as elements of {@link #dtype()}: the same bytes unless these differ. */
    ByteBuffer read(ByteBuffer stored) {
        return switch (this) {
            case F64 -> {
                ByteBuffer floats = buffer(stored.remaining() / 2);
                for (int i = 0; i < floats.limit() / Float.BYTES; i++) {
                    floats.putFloat(i * Float.BYTES, (float) stored.getDouble(i * Double.BYTES));
                }
                yield floats;
            }
            case F8_E4M3, F8_E5M2 -> {
                ByteBuffer halves = buffer(stored.remaining() * 2);
                for (int i = 0; i < stored.limit(); i++) {
                    int value = stored.get(i) & 0xff;
                    halves.putShort(i * Short.BYTES, this == F8_E5M2 ? (short) (value << 8) : HALF_OF_E4M3[value]);
                }
                yield halves;
            }
            default -> stored;
        };
    }

    private static ByteBuffer buffer(int bytes) {
        return ByteBuffer.allocateDirect(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** Sign, 4 bits of exponent with bias 7, 3 of mantissa; no infinity, one NaN (Micikevicius et al. 2022, table 1). */
    private static final short[] HALF_OF_E4M3 = new short[256];

    static {
        for (int bits = 0; bits < 256; bits++) {
            int exponent = bits >> 3 & 15;
            int mantissa = bits & 7;
            float size = exponent == 0
                    ? Math.scalb((float) mantissa, -9)
                    : Math.scalb(8f + mantissa, exponent - 10);
            float value = (bits & 0x7f) == 0x7f ? Float.NaN : size;
            HALF_OF_E4M3[bits] = HalfFloats.toF16(bits < 128 ? value : -value);
        }
    }
}
