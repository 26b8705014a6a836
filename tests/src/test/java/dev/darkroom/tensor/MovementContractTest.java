package dev.darkroom.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.darkroom.tensor.Devices.Subject;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

@DisplayName("Copies are exact: uploads, downloads, views, parts put together and taken apart")
class MovementContractTest extends OnEveryDevice {
    MovementContractTest(Subject subject) {
        super(subject);
    }

    @ParameterizedTest
    @EnumSource(names = {"F32", "F16", "BF16"})
    void uploadsConvertFromTheTypeOfTheFile(DType from) {
        for (int count : new int[] {1, 7, 255, 4097, 600_001}) {
            Values x = normal(0, 3, count).in(from);
            assertExact(x.in(dtype), ops.upload(floating(x, from), dtype));
        }
    }

    @Test
    void uploadsKeepIntegers() {
        long[] integers = {0, 1, -1, 49407, Integer.MAX_VALUE, Integer.MIN_VALUE};
        HostTensor longs = raw(DType.I64, integers.length, (bytes, i) -> bytes.putLong(integers[i]));
        HostTensor ints = raw(DType.I32, integers.length, (bytes, i) -> bytes.putInt((int) integers[i]));
        HostTensor unsigned = raw(DType.U8, 256, (bytes, i) -> bytes.put((byte) i));
        float[] expected = {0, 1, -1, 49407, Integer.MAX_VALUE, Integer.MIN_VALUE};
        assertArrayEquals(expected, ops.upload(longs, DType.I32).toHost());
        assertArrayEquals(expected, ops.upload(ints, DType.I32).toHost());
        Tensor bytes = ops.upload(unsigned, DType.U8);
        for (int i = 0; i < 256; i++) {
            assertEquals((byte) i, bytes.toHostBytes()[i]);
            assertEquals(i, bytes.toHost()[i]);
            assertEquals(i, ops.upload(unsigned, DType.I32).toHost()[i]);
            assertEquals(i, ops.upload(unsigned, dtype).toHost()[i]);
        }
        assertThrows(IllegalArgumentException.class, () -> upload(held(0, 1, 3)).toHostBytes());
    }

    @Test
    void viewsReadTheSameMemory() {
        Values x = held(0, 1, 5, 3, 7);
        Tensor tensor = upload(x);
        assertExact(x.reshape(15, 7), tensor.reshape(-1, 7));
        assertExact(x.images(2, 4), tensor.rows(2, 4));
        assertExact(x.reshape(15, 7).images(4, 9), tensor.reshape(15, 7).rows(4, 9));
        assertExact(
                x.images(2, 4).images(1, 2).reshape(21),
                tensor.rows(2, 4).rows(1, 2).reshape(21));
        assertEquals(0, tensor.rows(5, 5).toHost().length);
    }

    @ParameterizedTest
    @CsvSource({"1, 1, 1", "7, 3, 10", "255, 40, 1", "4097, 4, 5", "2, 320, 640"})
    void channelsAreConcatenatedAndSliced(int rows, int left, int right) {
        Values a = held(0, 1, rows, left);
        Values b = held(0, 1, rows, right);
        Values both = Values.of(Shape.of(rows, left + right));
        for (int i = 0; i < both.numbers.length; i++) {
            int row = i / (left + right);
            int c = i % (left + right);
            both.numbers[i] = c < left ? a.numbers[row * left + c] : b.numbers[row * right + c - left];
        }
        Tensor joined = ops.concatChannels(upload(a), upload(b));
        assertExact(both, joined);
        assertExact(a, ops.sliceChannels(joined, 0, left));
        assertExact(b, ops.sliceChannels(joined, left, left + right));
        assertExact(b.reshape(rows, 1, right), ops.sliceChannels(joined.reshape(rows, 1, -1), left, left + right));
    }

    @Test
    void rowsAreConcatenated() {
        Values x = held(0, 1, 9, 3, 5);
        Tensor joined = ops.concatRows(
                upload(x.images(0, 2)), upload(x.images(2, 3)), upload(x.images(3, 3)), upload(x.images(3, 9)));
        assertExact(x, joined);
        assertExact(x.images(4, 5), ops.concatRows(upload(x.images(4, 5))));
    }

    @ParameterizedTest
    @CsvSource({
        "1, 1, 1, 1, 2, 2",
        "2, 3, 5, 4, 6, 10",
        "1, 4, 4, 320, 8, 8",
        "3, 5, 7, 3, 9, 13",
        "1, 5, 3, 10, 5, 3",
        "1, 3, 2, 1, 7, 11"
    })
    void mapsAreEnlargedByNearestNeighbours(int n, int h, int w, int channels, int height, int width) {
        Values x = held(0, 1, n, h, w, channels);
        assertExact(Formulas.upsampleNearest(x, height, width), ops.upsampleNearest(upload(x), height, width));
    }

    @Test
    void rowsOfATableAreLookedUp() {
        Values table = held(0, 1, 33, 40);
        int[] ids = {0, 32, 7, 7, 31, 1};
        Values expected = Values.of(Shape.of(2, 3, 40));
        for (int i = 0; i < expected.numbers.length; i++) {
            expected.numbers[i] = table.numbers[ids[i / 40] * 40 + i % 40];
        }
        assertExact(expected, ops.embedding(ops.upload(Shape.of(2, 3), ids), upload(table)));
    }

    @Test
    void whatIsNotFiniteIsCounted() {
        for (int count : new int[] {1, 7, 255, 4097, 100_003}) {
            Values x = held(0, 1, count);
            assertArrayEquals(new float[] {0}, ops.countNonFinite(upload(x)).toHost());
            x.numbers[0] = Double.NaN;
            x.numbers[count / 2] = Double.NEGATIVE_INFINITY;
            x.numbers[count - 1] = Double.POSITIVE_INFINITY;
            Tensor counted = ops.countNonFinite(upload(x));
            assertEquals(Math.min(count, 3), counted.toHost()[0]);
            assertEquals("i32 [1]", counted.dtype() + " " + counted.shape());
        }
        Values largest = new Values(Shape.of(2), -0.0, HalfFloats.fromBf16((short) 0x7f7f));
        assertEquals(
                dtype == DType.F16 ? 1 : 0, ops.countNonFinite(upload(largest)).toHost()[0]);
    }

    private static void assertExact(Values expected, Tensor tensor) {
        assertEquals(expected.shape, tensor.shape());
        assertArrayEquals(expected.floats(), tensor.toHost());
    }

    /** Writes element {@code index}. */
    @FunctionalInterface
    private interface Writer {
        void write(ByteBuffer bytes, int index);
    }

    private static HostTensor raw(DType dtype, int count, Writer writer) {
        return new HostTensor("raw", Shape.of(count), dtype, reader -> {
            ByteBuffer bytes = ByteBuffer.allocateDirect(count * dtype.bytes()).order(ByteOrder.LITTLE_ENDIAN);
            for (int i = 0; i < count; i++) {
                writer.write(bytes, i);
            }
            reader.accept(bytes.flip());
        });
    }

    private static HostTensor floating(Values x, DType dtype) {
        float[] values = x.floats();
        return raw(dtype, values.length, (bytes, i) -> {
            switch (dtype) {
                case F16 -> bytes.putShort(HalfFloats.toF16(values[i]));
                case BF16 -> bytes.putShort(HalfFloats.toBf16(values[i]));
                default -> bytes.putFloat(values[i]);
            }
        });
    }
}
