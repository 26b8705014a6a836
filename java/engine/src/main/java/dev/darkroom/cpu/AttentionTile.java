package dev.darkroom.cpu;

import dev.darkroom.tensor.DType;
import org.bytedeco.dnnl.memory;

/**
 * The layouts of one tile of attention: {@code rows} queries of {@code heads} heads against {@code keys} keys.
 *
 * @param width    channels of a head
 * @param channels channels of all heads: the distance between two tokens
 * @param masked   whether a mask is added to the scores
 * @param blocked  whether keys and values are packed in the blocks that kernels for 512-bit vectors read; else they are copied row-major
 */
record AttentionTile(
        int heads, int rows, int keys, int width, int channels, boolean masked, boolean blocked, DType dtype) {
    private static final int LANES = 16; // f32 in a vector register

    /** Widths of blocks of columns, from the one that computes fastest. */
    private static final int[] BLOCKS = {64, 48, 32};

    private static final memory.format_tag[] BF16_TAGS = {
        memory.format_tag.aCB16b64c2b, memory.format_tag.aCB16b48c2b, memory.format_tag.aCB16b32c2b
    };
    private static final memory.format_tag[] F32_TAGS = {
        memory.format_tag.aCB16b64c, memory.format_tag.aCB16b48c, memory.format_tag.aCB16b32c
    };

    /** q as it lies among the other heads; the result lies in the same way. */
    memory.desc queries() {
        return interleaved(rows, width, channels, 1);
    }

    /** kᵀ as it lies among the other heads. */
    memory.desc keysTransposed() {
        return interleaved(width, keys, 1, channels);
    }

    /** v as it lies among the other heads. */
    memory.desc values() {
        return interleaved(keys, width, channels, 1);
    }

    /** kᵀ packed for the first product, the same for any number of queries. */
    memory.desc packedKeys() {
        return packed(width, keys, 0);
    }

    /** v packed for the second product. */
    memory.desc packedValues() {
        return packed(keys, width, bestBlock());
    }

    /** The same memory as {@link #packedValues}, with the zeros that fill up the last vector counted as columns. */
    memory.desc paddedValues() {
        return packed(keys, paddedWidth(), bestBlock());
    }

    /** Scores before the softmax, in f32 whatever the type. */
    memory.desc scores() {
        return Layouts.rowMajor(DType.F32, heads, rows, keys);
    }

    /** Scores after the softmax. */
    memory.desc weights() {
        return Layouts.rowMajor(dtype, heads, rows, keys);
    }

    memory.desc mask() {
        return masked ? Layouts.rowMajor(DType.F32, 1, rows, keys) : new memory.desc();
    }

    /** Whether the second product computes more columns than there are, because a part of a vector takes as long as several. */
    boolean isPadded() {
        return blocked && width % LANES != 0;
    }

    /** The result of the second product with its columns of zeros. */
    memory.desc paddedResult() {
        return Layouts.rowMajor(dtype, heads, rows, paddedWidth());
    }

    /** {@link #paddedResult} without its columns of zeros. */
    memory.desc unpaddedResult() {
        long padded = paddedWidth();
        return Layouts.strided(dtype, new long[] {heads, rows, width}, new long[] {rows * padded, padded, 1});
    }

    int paddedWidth() {
        return (width + LANES - 1) / LANES * LANES;
    }

    private memory.desc interleaved(long m, long n, long rowStride, long columnStride) {
        return Layouts.strided(dtype, new long[] {heads, m, n}, new long[] {width, rowStride, columnStride});
    }

    private memory.desc packed(int rowCount, int columns, int block) {
        memory.format_tag[] tags = dtype == DType.BF16 ? BF16_TAGS : F32_TAGS;
        memory.format_tag tag = blocked ? tags[block] : memory.format_tag.abc;
        return new memory.desc(new long[] {heads, rowCount, columns}, Layouts.type(dtype), tag);
    }

    /** Index of the widest block that computes the fewest columns that are not there. */
    private int bestBlock() {
        int best = 0;
        for (int i = 1; i < BLOCKS.length; i++) {
            if (filled(BLOCKS[i]) < filled(BLOCKS[best])) {
                best = i;
            }
        }
        return best;
    }

    /** The columns that blocks of {@code block} columns would compute. */
    private int filled(int block) {
        return (width + block - 1) / block * block;
    }
}
