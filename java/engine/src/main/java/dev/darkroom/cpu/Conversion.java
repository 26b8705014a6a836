package dev.darkroom.cpu;

import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.HalfFloats;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.lwjgl.system.MemoryUtil;

/** Brings values as files have them into the type in which they are computed with; large tensors on all threads. */
final class Conversion {
    /** Elements below which another thread costs more than it saves. */
    private static final int PARALLEL_ELEMENTS = 1 << 18;

    private static final int CHUNK = 4096; // elements; both sides of a chunk stay in the first-level cache

    private Conversion() {}

    /** Writes the little-endian values in {@code source} to {@code target} as {@code to}. */
    static void convert(ByteBuffer source, DType from, long target, DType to, int threads) {
        int count = source.remaining() / from.bytes();
        int parts = Math.max(1, Math.min(threads, count / PARALLEL_ELEMENTS));
        Parallel.run(
                parts,
                part -> convert(source, from, target, to, bound(count, part, parts), bound(count, part + 1, parts)));
    }

    /** Where part {@code part} of {@code parts} starts: a multiple of a chunk. */
    private static int bound(int count, int part, int parts) {
        return part == parts ? count : (int) ((long) count * part / parts / CHUNK * CHUNK);
    }

    private static void convert(ByteBuffer source, DType from, long target, DType to, int start, int end) {
        ByteBuffer bytes = source.slice().order(ByteOrder.LITTLE_ENDIAN);
        if (from == to) {
            int size = from.bytes();
            MemoryUtil.memCopy(
                    MemoryUtil.memAddress(bytes) + (long) start * size,
                    target + (long) start * size,
                    (long) (end - start) * size);
        } else if (from == DType.F16 && to == DType.BF16) {
            halvesToBf16(bytes, target, start, end);
        } else if (to == DType.I32) {
            for (int i = start; i < end; i++) {
                MemoryUtil.memPutInt(target + 4L * i, integer(bytes, from, i));
            }
        } else {
            float[] values = new float[CHUNK];
            for (int at = start; at < end; at += CHUNK) {
                int count = Math.min(CHUNK, end - at);
                ByteBuffer chunk = bytes.slice(at * from.bytes(), count * from.bytes());
                toFloats(chunk, from, values, count);
                write(values, count, target + (long) at * to.bytes(), to);
            }
        }
    }

    private static int integer(ByteBuffer bytes, DType from, int index) {
        return switch (from) {
            case I64 -> Math.toIntExact(bytes.getLong(8 * index));
            case U8 -> bytes.get(index) & 0xff;
            default -> throw new IllegalArgumentException("values of type " + from + " cannot be uploaded as i32");
        };
    }

    private static void toFloats(ByteBuffer bytes, DType from, float[] values, int count) {
        if (count == values.length) {
            HalfFloats.toFloats(bytes, from, values);
        } else {
            float[] rest = new float[count];
            HalfFloats.toFloats(bytes, from, rest);
            System.arraycopy(rest, 0, values, 0, count);
        }
    }

    private static void write(float[] values, int count, long target, DType to) {
        switch (to) {
            case F32 -> MemoryUtil.memFloatBuffer(target, count).put(values, 0, count);
            case BF16 -> {
                for (int i = 0; i < count; i++) {
                    MemoryUtil.memPutShort(target + 2L * i, HalfFloats.toBf16(values[i]));
                }
            }
            case U8 -> {
                for (int i = 0; i < count; i++) {
                    MemoryUtil.memPutByte(target + i, (byte) values[i]);
                }
            }
            default -> throw new IllegalArgumentException("the cpu device holds no tensors of type " + to);
        }
    }

    private static void halvesToBf16(ByteBuffer source, long target, int start, int end) {
        short[] table = HalfTable.BF16;
        short[] values = new short[CHUNK];
        for (int at = start; at < end; at += CHUNK) {
            int count = Math.min(CHUNK, end - at);
            source.slice(2 * at, 2 * count)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .asShortBuffer()
                    .get(values, 0, count);
            for (int i = 0; i < count; i++) {
                values[i] = table[values[i] & 0xffff];
            }
            MemoryUtil.memShortBuffer(target + 2L * at, count).put(values, 0, count);
        }
    }

    /** The bf16 of every f16: faster than computing it, which takes branches for small and infinite numbers. */
    private static final class HalfTable {
        private static final short[] BF16 = new short[1 << 16];

        static {
            for (int half = 0; half < BF16.length; half++) {
                BF16[half] = HalfFloats.toBf16(HalfFloats.fromF16((short) half));
            }
        }
    }
}
