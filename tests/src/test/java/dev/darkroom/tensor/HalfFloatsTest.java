package dev.darkroom.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Random;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@DisplayName("The 16-bit formats")
class HalfFloatsTest {
    /** Digits after the leading one, smallest exponent of a normal number, largest finite value. */
    private enum Format {
        F16(10, -14, 65504),
        BF16(7, -126, 0x1.FEp127);

        final int digits;
        final int smallestExponent;
        final double largest;

        Format(int digits, int smallestExponent, double largest) {
            this.digits = digits;
            this.smallestExponent = smallestExponent;
            this.largest = largest;
        }

        short bits(float value) {
            return this == F16 ? HalfFloats.toF16(value) : HalfFloats.toBf16(value);
        }

        float value(short bits) {
            return this == F16 ? HalfFloats.fromF16(bits) : HalfFloats.fromBf16(bits);
        }

        /** The value that {@code bits} stand for, from the definition of the formats in IEEE 754. */
        double defined(int bits) {
            int exponent = (bits & 0x7fff) >> digits;
            double fraction = (bits & (1 << digits) - 1) * Math.pow(2, -digits);
            double magnitude = exponent == 0
                    ? fraction * Math.pow(2, smallestExponent)
                    : (1 + fraction) * Math.pow(2, exponent - 1 + smallestExponent);
            return (bits & 0x8000) == 0 ? magnitude : -magnitude;
        }

        /** The nearest value, of two the even one: a multiple of the last digit's weight, in double arithmetic. */
        double nearest(double value) {
            int exponent = Math.max(Math.getExponent(value), smallestExponent);
            double weight = Math.pow(2, exponent - digits);
            double rounded = Math.rint(value / weight) * weight;
            return Math.abs(rounded) > largest ? Math.copySign(Double.POSITIVE_INFINITY, value) : rounded;
        }

        boolean isNan(int bits) {
            return (bits & 0x7fff) > infinity();
        }

        int infinity() {
            return (0x7fff >> digits) << digits;
        }
    }

    @ParameterizedTest
    @EnumSource
    void everyValueIsWhatItsBitsStandForAndComesBackTheSame(Format format) {
        for (int bits = 0; bits < 1 << 16; bits++) {
            float value = format.value((short) bits);
            if (format.isNan(bits)) {
                assertTrue(Float.isNaN(value), Integer.toHexString(bits));
                assertTrue(format.isNan(format.bits(value)), Integer.toHexString(bits));
            } else {
                double expected = (bits & 0x7fff) == format.infinity()
                        ? Math.copySign(Double.POSITIVE_INFINITY, (short) bits)
                        : format.defined(bits);
                assertEquals(expected, value, Integer.toHexString(bits)); // compares the sign of zero as well
                assertEquals((short) bits, format.bits(value), Integer.toHexString(bits));
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void whatLiesBetweenTwoValuesBecomesTheNearerAndInTheMiddleTheEvenOne(Format format) {
        for (int bits = 0; bits < format.infinity(); bits++) {
            double low = format.defined(bits);
            double high = bits + 1 == format.infinity() ? 2 * low - format.defined(bits - 1) : format.defined(bits + 1);
            float middle = (float) ((low + high) / 2);
            assertEquals((low + high) / 2, middle, "f32 holds every middle");
            for (float value : new float[] {Math.nextDown(middle), middle, Math.nextUp(middle)}) {
                assertEquals((float) format.nearest(value), format.value(format.bits(value)));
                assertEquals((float) format.nearest(-value), format.value(format.bits(-value)));
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void anyFloatBecomesTheNearestValue(Format format) {
        Random random = new Random(3);
        for (int i = 0; i < 1_000_000; i++) {
            float value = Float.intBitsToFloat(random.nextInt());
            float converted = format.value(format.bits(value));
            assertEquals(Float.isNaN(value) ? Float.NaN : (float) format.nearest(value), converted);
        }
    }

    @Test
    void bytesAreWidenedFromEveryType() {
        ByteBuffer bytes = ByteBuffer.allocate(64).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putFloat(0, -1.5f).putShort(8, (short) 0xc000).putShort(16, (short) 0xbfc0);
        bytes.putInt(24, -7).putLong(32, -9).put(40, (byte) 200);
        assertEquals(-1.5f, widened(bytes, 0, DType.F32));
        assertEquals(-2f, widened(bytes, 8, DType.F16));
        assertEquals(-1.5f, widened(bytes, 16, DType.BF16));
        assertEquals(-7f, widened(bytes, 24, DType.I32));
        assertEquals(-9f, widened(bytes, 32, DType.I64));
        assertEquals(200f, widened(bytes, 40, DType.U8));
    }

    private static float widened(ByteBuffer bytes, int position, DType dtype) {
        float[] value = new float[1];
        HalfFloats.toFloats(bytes.duplicate().position(position), dtype, value);
        return value[0];
    }
}
