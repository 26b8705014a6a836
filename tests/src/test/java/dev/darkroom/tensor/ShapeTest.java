package dev.darkroom.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.darkroom.dry.DryDevice;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@DisplayName("Shapes, views and tensors on the host")
class ShapeTest {
    @Test
    void countElementsAndRows() {
        Shape shape = Shape.of(2, 3, 5);
        assertEquals(30, shape.count());
        assertEquals(6, shape.rows());
        assertEquals(5, shape.dim(-1));
        assertEquals(Shape.of(2, 7, 5), shape.with(-2, 7));
        assertEquals(1, Shape.of().count());
        assertEquals(
                0,
                Shape.of(0, Integer.MAX_VALUE, Integer.MAX_VALUE, Integer.MAX_VALUE)
                        .count());
        assertEquals("[2, 3, 5]", shape.toString());
        assertNotEquals(Shape.of(2, 15), shape);
    }

    @Test
    void refuseWhatCannotBe() {
        assertFails("a shape cannot hold a negative size: [2, -1]", () -> Shape.of(2, -1));
        assertFails(
                "a shape of more than 2^55 elements: [65536, 65536, 65536, 256]",
                () -> Shape.of(65536, 65536, 65536, 256));
        assertFails("a tensor [2, 3] has no dimension 2", () -> Shape.of(2, 3).dim(2));
        assertFails("a tensor [2, 3] has no dimension -3", () -> Shape.of(2, 3).with(-3, 1));
    }

    @ParameterizedTest
    @CsvSource({"64, 3, 1, 1, 1, 64", "64, 3, 2, 1, 1, 32", "7, 3, 2, 0, 1, 3", "1, 3, 2, 1, 1, 1", "1, 3, 2, 0, 1, 0"})
    void ofConvolutionsFollowFromTheGeometry(int size, int kernel, int stride, int before, int after, int expected) {
        assertEquals(expected, new Conv2dWeight.Geometry(stride, before, after, false).outputSize(size, kernel));
    }

    @Test
    void ofViewsAreCheckedAndViewsShareMemory() {
        try (DryDevice device = new DryDevice(DType.F32);
                Scope scope = Scope.open(device, "test")) {
            Tensor x = scope.allocate(Shape.of(4, 6), DType.BF16);
            assertEquals(Shape.of(3, 8), x.reshape(3, -1).shape());
            assertEquals(x.address(), x.reshape(-1).address());
            assertEquals(x.address() + 2 * 12, x.rows(2, 4).address());
            assertEquals(Shape.of(0, 6), x.rows(4, 4).shape());
            assertFails("a tensor [4, 6] cannot be reshaped to [5, -1]", () -> x.reshape(5, -1));
            assertFails("a tensor [4, 6] cannot be reshaped to [-1, -1]", () -> x.reshape(-1, -1));
            assertFails("a tensor [4, 6] cannot be reshaped to [4, 5]", () -> x.reshape(4, 5));
            assertFails("rows 3 to 5 of a tensor [4, 6]", () -> x.rows(3, 5));
            assertFails("rows 3 to 2 of a tensor [4, 6]", () -> x.rows(3, 2));
            assertEquals("bf16 [4, 6] on dry", x.toString());
        }
    }

    @Test
    void ofHostTensorsAreChecked() {
        HostTensor x = HostTensor.of("x", Shape.of(3, 2), 1, 2, 3, 4, 5, 6f);
        assertArrayEquals(new float[] {3, 4, 5, 6}, x.rows(1, 3).toFloats());
        assertArrayEquals(new float[] {1, 2, 3, 4, 5, 6}, x.reshape(Shape.of(6)).toFloats());
        assertEquals(24, x.byteSize());
        assertEquals("x f32 [3, 2]", x.toString());
        assertFails("rows 1 to 4 of x f32 [3, 2]", () -> x.rows(1, 4));
        assertFails("x is [3, 2] and cannot be read as [4]", () -> x.reshape(Shape.of(4)));
        assertFails("y: shape [3] takes 3 values, given 2", () -> HostTensor.of("y", Shape.of(3), 1f, 2f));
        HostTensor shape = HostTensor.shapeOnly("z", Shape.of(2), DType.F16);
        String message =
                assertThrows(IllegalStateException.class, shape::toFloats).toString();
        assertTrue(message.contains("z has a shape but no values"), message);
    }

    @Test
    void ofPicturesChangeTheirOrderThereAndBack() {
        float[] values = new float[2 * 3 * 4 * 5];
        for (int i = 0; i < values.length; i++) {
            values[i] = i;
        }
        float[] last = ChannelOrder.toChannelsLast(values, 2, 3, 4, 5);
        assertEquals(60 + 40 + 7, last[60 + 7 * 3 + 2]); // image 1, pixel 7, channel 2
        assertArrayEquals(values, ChannelOrder.toChannelsFirst(last, 2, 4, 5, 3));
    }

    @ParameterizedTest
    @CsvSource({
        "0, 0 bytes",
        "999, 999 bytes",
        "1000, 1.00 kB",
        "2132690000, 2.13 GB",
        "99960, 100 kB",
        "999600, 1.00 MB"
    })
    void areWeighedInDecimalUnits(long bytes, String text) {
        assertEquals(text, Bytes.format(bytes));
    }

    @ParameterizedTest
    @CsvSource({"half, F16", "float32, F32", "BF16, BF16", "uint8, U8", "int64, I64"})
    void haveTypesThatUsersSpellAsTheyLike(String name, DType dtype) {
        assertEquals(dtype, DType.parse(name));
        assertEquals(dtype, DType.parse(dtype.toString()));
    }

    private static void assertFails(String message, Runnable body) {
        assertEquals(message, assertThrows(ShapeException.class, body::run).getMessage());
    }
}
