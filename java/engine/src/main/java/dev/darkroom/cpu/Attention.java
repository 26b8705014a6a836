package dev.darkroom.cpu;

import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import java.util.Arrays;
import org.bytedeco.dnnl.global.dnnl;
import org.bytedeco.dnnl.matmul;
import org.bytedeco.dnnl.memory;
import org.bytedeco.dnnl.post_ops;
import org.bytedeco.dnnl.primitive_attr;
import org.bytedeco.dnnl.softmax_forward;

/**
 * softmax(q·kᵀ/√d)·v in tiles of some heads and some query rows, so that a tile's scores stay in the second-level cache and the whole
 * score matrix never exists.
 *
 * <p>The heads lie side by side in the channels; strides tell oneDNN so, and nothing is transposed.
 */
final class Attention {
    private static final long TILE_BYTES = 2 << 20; // scores of a tile: second-level caches of two cores
    private static final int MOST_ROWS = 256; // of a tile: more gain nothing
    private static final int ROW_STEP = 16;

    /** oneDNN's name of the mask: the operand of the second step after the product. */
    private static final int MASK = 2 * dnnl.DNNL_ARG_ATTR_MULTIPLE_POST_OP_BASE | dnnl.DNNL_ARG_SRC_1;

    private final Kernels kernels;

    /** One tile: {@code heads} of {@code allHeads} heads, {@code rows} queries against {@code keys} keys. */
    private record Tile(int heads, int rows, int keys, int width, int channels, boolean masked, DType dtype) {
        memory.desc queries() {
            return strided(heads, rows, width, channels, 1);
        }

        memory.desc keysTransposed() {
            return strided(heads, width, keys, 1, channels);
        }

        memory.desc values() {
            return strided(heads, keys, width, channels, 1);
        }

        memory.desc scores() {
            return Layouts.rowMajor(dtype, heads, rows, keys);
        }

        memory.desc mask() {
            return Layouts.rowMajor(DType.F32, 1, rows, keys);
        }

        private memory.desc strided(long batch, long m, long n, long rowStride, long columnStride) {
            return Layouts.strided(dtype, new long[] {batch, m, n}, new long[] {width, rowStride, columnStride});
        }
    }

    private record Scores(Tile tile) {}

    private record Softmax(Tile tile) {}

    private record Mix(Tile tile) {}

    Attention(Kernels kernels) {
        this.kernels = kernels;
    }

    /** q [n, t, c], k and v [n, s, c] → y [n, t, c]. */
    void run(Scope scope, Tensor q, Tensor k, Tensor v, int heads, boolean causal, Tensor y) {
        try (Scope tiles = scope.child("attention")) {
            int keys = k.dim(1);
            int bytes = q.dtype().bytes();
            int rows = Math.min(q.dim(1), MOST_ROWS);
            int headsAtOnce = (int) Math.max(1, Math.min(heads, TILE_BYTES / ((long) rows * keys * bytes)));
            long fitting = TILE_BYTES / ((long) headsAtOnce * keys * bytes) / ROW_STEP * ROW_STEP;
            rows = (int) Math.max(ROW_STEP, Math.min(rows, fitting));
            Tensor scores = tiles.allocate(Shape.of(headsAtOnce, rows, keys), q.dtype());
            Tensor mask = causal ? causalMask(tiles, keys) : null;
            for (int image = 0; image < q.dim(0); image++) {
                for (int head = 0; head < heads; head += headsAtOnce) {
                    for (int row = 0; row < q.dim(1); row += rows) {
                        Tile tile = new Tile(
                                Math.min(headsAtOnce, heads - head),
                                Math.min(rows, q.dim(1) - row),
                                keys,
                                q.dim(2) / heads,
                                q.dim(2),
                                causal,
                                q.dtype());
                        long query = ((long) image * q.dim(1) + row) * q.dim(2) + (long) head * tile.width;
                        long key = (long) image * keys * q.dim(2) + (long) head * tile.width;
                        runTile(
                                tiles,
                                tile,
                                q.address() + query * bytes,
                                k.address() + key * bytes,
                                v.address() + key * bytes,
                                scores.address(),
                                mask == null ? 0 : mask.address() + 4L * row * keys,
                                y.address() + query * bytes);
                    }
                }
            }
        }
    }

    private void runTile(Scope scope, Tile tile, long q, long k, long v, long scores, long mask, long y) {
        kernels.get(new Scores(tile), this::makeScores).run(scope, q, k, scores, mask);
        kernels.get(new Softmax(tile), this::makeSoftmax).run(scope, scores, scores);
        kernels.get(new Mix(tile), this::makeMix).run(scope, scores, v, y, 0);
    }

    /** [t, t]: 0 where a token may look, minus infinity where not. */
    private static Tensor causalMask(Scope scope, int tokens) {
        Tensor mask = scope.allocate(Shape.of(tokens, tokens), DType.F32);
        float[] row = new float[tokens];
        Arrays.fill(row, Float.NEGATIVE_INFINITY);
        for (int token = 0; token < tokens; token++) {
            row[token] = 0;
            NativeMemory.write(mask, (long) token * tokens, row, tokens);
        }
        return mask;
    }

    private Kernel makeScores(Scores key) {
        Tile tile = key.tile;
        primitive_attr attributes = Layouts.attributes();
        post_ops steps = new post_ops();
        steps.append_eltwise(dnnl.algorithm.eltwise_linear, (float) (1 / Math.sqrt(tile.width)), 0);
        if (tile.masked) {
            steps.append_binary(dnnl.algorithm.binary_add, tile.mask());
        }
        attributes.set_post_ops(steps);
        return product(
                tile.queries(),
                tile.keysTransposed(),
                tile.scores(),
                attributes,
                tile.masked ? tile.mask() : new memory.desc());
    }

    private Kernel makeMix(Mix key) {
        Tile tile = key.tile;
        return product(tile.scores(), tile.values(), tile.queries(), Layouts.attributes(), new memory.desc());
    }

    private Kernel product(
            memory.desc a, memory.desc b, memory.desc product, primitive_attr attributes, memory.desc mask) {
        matmul.primitive_desc description =
                new matmul.primitive_desc(kernels.library().engine(), a, b, product, attributes, false);
        int[] names = {dnnl.DNNL_ARG_SRC, dnnl.DNNL_ARG_WEIGHTS, dnnl.DNNL_ARG_DST, MASK};
        return new Kernel(
                kernels.library(), new matmul(description), description.scratchpad_desc(), names, a, b, product, mask);
    }

    private Kernel makeSoftmax(Softmax key) {
        memory.desc scores = key.tile.scores();
        softmax_forward.primitive_desc description = new softmax_forward.primitive_desc(
                kernels.library().engine(),
                dnnl.prop_kind.forward_inference,
                dnnl.algorithm.softmax_accurate,
                scores,
                scores,
                2,
                Layouts.attributes(),
                false);
        return new Kernel(
                kernels.library(),
                new softmax_forward(description),
                description.scratchpad_desc(),
                new int[] {dnnl.DNNL_ARG_SRC, dnnl.DNNL_ARG_DST},
                scores,
                scores);
    }
}
