package dev.darkroom.weights;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.darkroom.tensor.HalfFloats;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@DisplayName("An element type that is read as another")
class StoredTypeTest {
    /** Values of the OCP 8-bit floating point specification, revision 1.0, table 2. */
    @ParameterizedTest
    @CsvSource({
        "F8_E4M3, 0x00, 0",
        "F8_E4M3, 0x01, 0.001953125",
        "F8_E4M3, 0x07, 0.013671875",
        "F8_E4M3, 0x08, 0.015625",
        "F8_E4M3, 0x38, 1",
        "F8_E4M3, 0xb9, -1.125",
        "F8_E4M3, 0x7e, 448",
        "F8_E4M3, 0x7f, NaN",
        "F8_E5M2, 0x01, 0.0000152587890625",
        "F8_E5M2, 0x3c, 1",
        "F8_E5M2, 0xbd, -1.25",
        "F8_E5M2, 0x7b, 57344",
        "F8_E5M2, 0x7c, Infinity"
    })
    void keepsItsValue(StoredType type, String bits, float value) {
        ByteBuffer one =
                ByteBuffer.allocate(1).put(0, (byte) Integer.decode(bits).intValue());
        assertEquals(
                value,
                HalfFloats.fromF16(type.read(one.order(ByteOrder.LITTLE_ENDIAN)).getShort(0)));
    }

    @Test
    void isRoundedWhereItIsLonger() {
        ByteBuffer two = ByteBuffer.allocate(16).order(ByteOrder.LITTLE_ENDIAN);
        two.putDouble(0, 1 + 0x1p-30).putDouble(8, -0.1);
        ByteBuffer floats = StoredType.F64.read(two);
        assertEquals(1f, floats.getFloat(0));
        assertEquals(-0.1f, floats.getFloat(4));
    }
}
