package dev.darkroom.weights;

import dev.darkroom.tensor.HalfFloats;
import java.nio.ByteBuffer;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * The element types of GGUF files: plain ones, and blocks of quantised values with their scales.
 *
 * <p>Source: the block layouts of ggml-common.h and the formulas of ggml-quants.c in <a href="https://github.com/ggml-org/ggml">ggml</a>.
 */
enum GgufType {
    F32(0, 1, 4, (in, at, out, to) -> out[to] = in.getFloat(at)),
    F16(1, 1, 2, (in, at, out, to) -> out[to] = half(in, at)),
    BF16(30, 1, 2, (in, at, out, to) -> out[to] = Float.intBitsToFloat(in.getShort(at) << 16)),
    Q4_0(2, 32, 18, GgufType::q4),
    Q4_1(3, 32, 20, GgufType::q4WithMinimum),
    Q5_0(6, 32, 22, GgufType::q5),
    Q5_1(7, 32, 24, GgufType::q5WithMinimum),
    Q8_0(8, 32, 34, GgufType::q8),
    Q2_K(10, 256, 84, GgufType::q2k),
    Q3_K(11, 256, 110, GgufType::q3k),
    Q4_K(12, 256, 144, GgufType::q4k),
    Q5_K(13, 256, 176, GgufType::q5k),
    Q6_K(14, 256, 210, GgufType::q6k);

    /** Widens one block. */
    private interface Block {
        /** Block at byte {@code at} of {@code in} to {@code out} from {@code to}. */
        void decode(ByteBuffer in, int at, float[] out, int to);
    }

    private final int code;
    private final int blockElements;
    private final int blockBytes;
    private final Block block;

    GgufType(int code, int blockElements, int blockBytes, Block block) {
        this.code = code;
        this.blockElements = blockElements;
        this.blockBytes = blockBytes;
        this.block = block;
    }

    /** The type that files call {@code code}, or null where it is none of these. */
    static @Nullable GgufType of(int code) {
        for (GgufType type : values()) {
            if (type.code == code) {
                return type;
            }
        }
        return null;
    }

    /** Elements of a block; rows consist of whole ones. */
    int blockElements() {
        return blockElements;
    }

    /** Bytes of {@code elements} elements, whole blocks. */
    long bytes(long elements) {
        return elements / blockElements * blockBytes;
    }

    /** Widens little-endian blocks. */
    void decode(ByteBuffer blocks, float[] out) {
        for (int i = 0; i < out.length / blockElements; i++) {
            block.decode(blocks, i * blockBytes, out, i * blockElements);
        }
    }

    /** As the files' own tools spell it. */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }

    private static float half(ByteBuffer in, int at) {
        return HalfFloats.fromF16(in.getShort(at));
    }

    private static int unsigned(ByteBuffer in, int at) {
        return in.get(at) & 0xff;
    }

    /** d, then 16 bytes of two values each: x = d (q - 8). */
    private static void q4(ByteBuffer in, int at, float[] out, int to) {
        float d = half(in, at);
        for (int i = 0; i < 16; i++) {
            int both = unsigned(in, at + 2 + i);
            out[to + i] = d * ((both & 15) - 8);
            out[to + 16 + i] = d * ((both >> 4) - 8);
        }
    }

    /** d and m, then as q4: x = d q + m. */
    private static void q4WithMinimum(ByteBuffer in, int at, float[] out, int to) {
        float d = half(in, at);
        float m = half(in, at + 2);
        for (int i = 0; i < 16; i++) {
            int both = unsigned(in, at + 4 + i);
            out[to + i] = d * (both & 15) + m;
            out[to + 16 + i] = d * (both >> 4) + m;
        }
    }

    /** d, 32 fifth bits, then 16 bytes of two values each: x = d (q - 16). */
    private static void q5(ByteBuffer in, int at, float[] out, int to) {
        float d = half(in, at);
        int high = in.getInt(at + 2);
        for (int i = 0; i < 16; i++) {
            int both = unsigned(in, at + 6 + i);
            out[to + i] = d * ((both & 15 | (high >> i & 1) << 4) - 16);
            out[to + 16 + i] = d * ((both >> 4 | (high >> i + 16 & 1) << 4) - 16);
        }
    }

    /** d and m, then as q5: x = d q + m. */
    private static void q5WithMinimum(ByteBuffer in, int at, float[] out, int to) {
        float d = half(in, at);
        float m = half(in, at + 2);
        int high = in.getInt(at + 4);
        for (int i = 0; i < 16; i++) {
            int both = unsigned(in, at + 8 + i);
            out[to + i] = d * (both & 15 | (high >> i & 1) << 4) + m;
            out[to + 16 + i] = d * (both >> 4 | (high >> i + 16 & 1) << 4) + m;
        }
    }

    /** d, then 32 signed bytes: x = d q. */
    private static void q8(ByteBuffer in, int at, float[] out, int to) {
        float d = half(in, at);
        for (int i = 0; i < 32; i++) {
            out[to + i] = d * in.get(at + 2 + i);
        }
    }

    /** 16 groups of 16: a byte of scale and minimum each, 64 bytes of four values each, d and dmin: x = d s q - dmin m. */
    private static void q2k(ByteBuffer in, int at, float[] out, int to) {
        float d = half(in, at + 80);
        float dmin = half(in, at + 82);
        for (int i = 0; i < 256; i++) {
            int group = unsigned(in, at + i / 16);
            int q = unsigned(in, at + 16 + i / 128 * 32 + i % 32) >> i % 128 / 32 * 2 & 3;
            out[to + i] = d * (group & 15) * q - dmin * (group >> 4);
        }
    }

    /** 16 groups of 16: 32 bytes of third bits, 64 bytes of four values each, 12 bytes of 6-bit scales, d: x = d (s - 32) (q - 4). */
    private static void q3k(ByteBuffer in, int at, float[] out, int to) {
        float d = half(in, at + 108);
        for (int i = 0; i < 256; i++) {
            int group = i / 16;
            int low = unsigned(in, at + 96 + group % 8) >> group / 8 * 4 & 15;
            int high = unsigned(in, at + 96 + 8 + group % 4) >> group / 4 * 2 & 3;
            int q = unsigned(in, at + 32 + i / 128 * 32 + i % 32) >> i % 128 / 32 * 2 & 3;
            int third = unsigned(in, at + i % 32) >> i / 32 & 1;
            out[to + i] = d * ((low | high << 4) - 32) * (q - (third == 0 ? 4 : 0));
        }
    }

    /** 8 groups of 32: d, dmin, 12 bytes of 6-bit scales and minima, 128 bytes of two values each: x = d s q - dmin m. */
    private static void q4k(ByteBuffer in, int at, float[] out, int to) {
        float d = half(in, at);
        float dmin = half(in, at + 2);
        for (int i = 0; i < 256; i++) {
            int group = i / 32;
            int q = unsigned(in, at + 16 + i / 64 * 32 + i % 32) >> group % 2 * 4 & 15;
            out[to + i] = d * scale(in, at + 4, group) * q - dmin * minimum(in, at + 4, group);
        }
    }

    /** As q4k, with 32 bytes of fifth bits before the values. */
    private static void q5k(ByteBuffer in, int at, float[] out, int to) {
        float d = half(in, at);
        float dmin = half(in, at + 2);
        for (int i = 0; i < 256; i++) {
            int group = i / 32;
            int low = unsigned(in, at + 48 + i / 64 * 32 + i % 32) >> group % 2 * 4 & 15;
            int fifth = unsigned(in, at + 16 + i % 32) >> group & 1;
            out[to + i] = d * scale(in, at + 4, group) * (low | fifth << 4) - dmin * minimum(in, at + 4, group);
        }
    }

    /** 16 groups of 16: 128 bytes of low nibbles, 64 of two high bits each, 16 signed scales, d: x = d s (q - 32). */
    private static void q6k(ByteBuffer in, int at, float[] out, int to) {
        float d = half(in, at + 208);
        for (int i = 0; i < 256; i++) {
            int half = i / 128;
            int low = unsigned(in, at + half * 64 + i % 64) >> i % 128 / 64 * 4 & 15;
            int high = unsigned(in, at + 128 + half * 32 + i % 32) >> i % 128 / 32 * 2 & 3;
            out[to + i] = d * in.get(at + 192 + i / 16) * ((low | high << 4) - 32);
        }
    }

    /** 6 bits of group 0 to 7; those of the later ones are put together of a nibble and two spare bits. */
    private static int scale(ByteBuffer in, int at, int group) {
        return group < 4
                ? unsigned(in, at + group) & 63
                : unsigned(in, at + group + 4) & 15 | unsigned(in, at + group - 4) >> 6 << 4;
    }

    private static int minimum(ByteBuffer in, int at, int group) {
        return group < 4
                ? unsigned(in, at + group + 4) & 63
                : unsigned(in, at + group + 4) >> 4 | unsigned(in, at + group) >> 6 << 4;
    }
}
