package dev.darkroom.tensor;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Conversions between float and the two 16-bit formats, to nearest even; JDK 17 has none of its own. */
public final class HalfFloats {
    private HalfFloats() {}

    /** The value of IEEE 754 binary16 {@code bits}. */
    public static float fromF16(short bits) {
        return Halves.VALUES[bits & 0xffff];
    }

    /** The value of every binary16: a look-up takes a third of the time of computing it, which branches at infinities. */
    private static final class Halves {
        private static final float[] VALUES = new float[1 << 16];

        static {
            for (int bits = 0; bits < VALUES.length; bits++) {
                VALUES[bits] = value(bits);
            }
        }

        private static float value(int bits) {
            int sign = (bits & 0x8000) << 16;
            int magnitude = bits & 0x7fff;
            if (magnitude >= 0x7c00) { // infinity and NaN keep their payload
                return Float.intBitsToFloat(sign | 0x7f800000 | (magnitude & 0x3ff) << 13);
            }
            // Shifted into a float the exponent is 112 too small; multiplying by 2^112 mends it and normalises
            // subnormals.
            float value = Float.intBitsToFloat(magnitude << 13) * 0x1p112f;
            return Float.intBitsToFloat(Float.floatToRawIntBits(value) | sign);
        }
    }

    /** {@code value} rounded to IEEE 754 binary16, to nearest even; overflows to infinity. */
    public static short toF16(float value) {
        int bits = Float.floatToRawIntBits(value);
        int sign = bits >>> 16 & 0x8000;
        int magnitude = bits & 0x7fffffff;
        if (magnitude > 0x7f800000) {
            return (short) (sign | 0x7e00);
        }
        if (magnitude >= 0x477ff000) { // 65520 and more round to infinity
            return (short) (sign | 0x7c00);
        }
        if (magnitude < 0x38800000) { // below 2^-14: subnormal, a multiple of 2^-24
            return (short) (sign | (int) Math.rint(Float.intBitsToFloat(magnitude) * 0x1p24));
        }
        int rounded = magnitude + 0xfff + (magnitude >>> 13 & 1);
        return (short) (sign | (rounded - 0x38000000) >>> 13);
    }

    /** The value of bfloat16 {@code bits}. */
    public static float fromBf16(short bits) {
        return Float.intBitsToFloat(bits << 16);
    }

    /** {@code value} rounded to bfloat16, to nearest even. */
    public static short toBf16(float value) {
        int bits = Float.floatToRawIntBits(value);
        if ((bits & 0x7fffffff) > 0x7f800000) {
            return (short) (bits >>> 16 | 0x40); // stays a NaN when its payload is cut
        }
        return (short) (bits + 0x7fff + (bits >>> 16 & 1) >>> 16);
    }

    /** {@code value} rounded to {@code dtype} and widened again. */
    public static float round(float value, DType dtype) {
        return switch (dtype) {
            case F16 -> fromF16(toF16(value));
            case BF16 -> fromBf16(toBf16(value));
            default -> value;
        };
    }

    /** Widens the first {@code values.length} elements of little-endian {@code bytes} of type {@code dtype} into {@code values}. */
    public static void toFloats(ByteBuffer bytes, DType dtype, float[] values) {
        ByteBuffer source = bytes.duplicate().order(ByteOrder.LITTLE_ENDIAN);
        int start = source.position();
        switch (dtype) {
            case F32 -> source.asFloatBuffer().get(values);
            case F16 -> {
                short[] halves = shorts(source, values.length);
                for (int i = 0; i < values.length; i++) {
                    values[i] = fromF16(halves[i]);
                }
            }
            case BF16 -> {
                short[] halves = shorts(source, values.length);
                for (int i = 0; i < values.length; i++) {
                    values[i] = fromBf16(halves[i]);
                }
            }
            case I32 -> {
                for (int i = 0; i < values.length; i++) {
                    values[i] = source.getInt(start + 4 * i);
                }
            }
            case I64 -> {
                for (int i = 0; i < values.length; i++) {
                    values[i] = source.getLong(start + 8 * i);
                }
            }
            case U8 -> {
                for (int i = 0; i < values.length; i++) {
                    values[i] = source.get(start + i) & 0xff;
                }
            }
        }
    }

    /** The next {@code count} shorts, taken at once: each by itself takes longer than its conversion. */
    private static short[] shorts(ByteBuffer source, int count) {
        short[] values = new short[count];
        source.asShortBuffer().get(values);
        return values;
    }
}
