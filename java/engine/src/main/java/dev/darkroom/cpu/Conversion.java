package dev.darkroom.cpu;

import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.HalfFloats;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.IntBuffer;
import java.util.concurrent.CompletableFuture;
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
        CompletableFuture<?>[] others = new CompletableFuture<?>[parts - 1];
        for (int part = 1; part < parts; part++) {
            int start = bound(count, part, parts);
            int end = bound(count, part + 1, parts);
            others[part - 1] = CompletableFuture.runAsync(() -> convert(source, from, target, to, start, end));
        }
        convert(source, from, target, to, 0, bound(count, 1, parts));
        CompletableFuture.allOf(others).join();
    }

    /** Where part {@code part} of {@code parts} starts: a multiple of a chunk, so that pairs stay together. */
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

    /** Two at a time in one int, without branches, so that the compiler makes vector code of it. */
    private static void halvesToBf16(ByteBuffer source, long target, int start, int end) {
        int[] pairs = new int[CHUNK / 2];
        int even = end - (end - start) % 2;
        for (int at = start; at < even; at += CHUNK) {
            int count = Math.min(CHUNK, even - at) / 2;
            IntBuffer from = source.slice(2 * at, 4 * count)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .asIntBuffer();
            from.get(pairs, 0, count);
            if (!convertNormal(pairs, count)) {
                convertOneByOne(from, pairs, count);
            }
            MemoryUtil.memIntBuffer(target + 2L * at, count).put(pairs, 0, count);
        }
        if (even < end) {
            MemoryUtil.memPutShort(target + 2L * even, toBf16(source.getShort(2 * even)));
        }
    }

    /**
     * Converts pairs of normal numbers and zeros: moves the exponent by 112 and rounds the fraction from 10 to 7 bits.
     *
     * @return false when one of them was subnormal, infinite or no number; the result is then wrong
     */
    private static boolean convertNormal(int[] pairs, int count) {
        int odd = 0;
        for (int i = 0; i < count; i++) {
            int pair = pairs[i];
            int low = pair & 0x7fff;
            int high = pair >>> 16 & 0x7fff;
            // Negative where 0 < x < 0x400 (subnormal) or x >= 0x7c00 (infinite or no number).
            odd |= ((low - 0x400) & -low) | (0x7bff - low) | ((high - 0x400) & -high) | (0x7bff - high);
            int lowMoved = (low + (112 << 10)) & -low >> 31;
            int highMoved = (high + (112 << 10)) & -high >> 31;
            int lowRounded = lowMoved + 3 + (lowMoved >>> 3 & 1) >>> 3;
            int highRounded = highMoved + 3 + (highMoved >>> 3 & 1) >>> 3;
            pairs[i] = lowRounded | highRounded << 16 | pair & 0x80008000;
        }
        return odd >= 0;
    }

    private static void convertOneByOne(IntBuffer from, int[] pairs, int count) {
        for (int i = 0; i < count; i++) {
            int pair = from.get(i);
            pairs[i] = toBf16((short) pair) & 0xffff | toBf16((short) (pair >>> 16)) << 16;
        }
    }

    private static short toBf16(short half) {
        return HalfFloats.toBf16(HalfFloats.fromF16(half));
    }
}
