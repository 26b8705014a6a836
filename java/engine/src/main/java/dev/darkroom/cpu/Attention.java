package dev.darkroom.cpu;

import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicInteger;
import org.bytedeco.dnnl.global.dnnl;
import org.bytedeco.dnnl.matmul;
import org.bytedeco.dnnl.memory;
import org.bytedeco.dnnl.post_ops;
import org.bytedeco.dnnl.primitive_attr;
import org.bytedeco.dnnl.softmax_forward;

/**
 * softmax(q·kᵀ/√d)·v in tiles of some heads and some query rows, so that a tile's scores stay in the processor's caches and the whole score
 * matrix never exists.
 *
 * <p>The heads lie side by side in the channels; strides tell oneDNN so, and nothing is transposed. Keys and values are packed once for all
 * tiles of an image. Scores are f32 until the softmax has made weights of them.
 */
final class Attention {
    private static final long TILE_BYTES = 1 << 20; // scores of a tile: a second-level cache
    private static final int FEWEST_ROWS = 128; // of a tile, however many keys there are: fewer feed the products badly
    private static final int MOST_ROWS = 1024;
    private static final long PRODUCTS_FOR_MORE_THREADS =
            16 << 20; // about 0.3 ms: less is done before others are awake

    private final Kernels kernels;
    private final Kernels[] workers; // kernels hold addresses while they run, so each thread has its own

    /** What a kernel does with a tile. */
    private enum Step {
        PACK_KEYS,
        PACK_VALUES,
        SCORES,
        SOFTMAX,
        MIX,
        UNPAD
    }

    private record Key(AttentionTile tile, Step step) {}

    /** Addresses that all tiles of a call share. */
    private record Operands(long q, long y, long keys, long keyBytes, long values, long valueBytes, long mask) {}

    /** Memory in which one thread computes a tile. */
    private record Workspace(Kernels kernels, long scores, long weights, long padded, long scratch) {}

    Attention(Kernels kernels) {
        this.kernels = kernels;
        workers = new Kernels[kernels.library().threads()];
        Arrays.setAll(workers, i -> new Kernels(kernels.library()));
    }

    /** q [n, t, c], k and v [n, s, c] → y [n, t, c]. */
    void run(Scope scope, Tensor q, Tensor k, Tensor v, int heads, boolean causal, Tensor y) {
        boolean blocked = kernels.library().hasWideVectors();
        AttentionTile all =
                new AttentionTile(heads, q.dim(1), k.dim(1), q.dim(2) / heads, q.dim(2), causal, blocked, q.dtype());
        int images = q.dim(0);
        if (images == 0 || all.rows() == 0) {
            return;
        }
        try (Scope tiles = scope.child("attention")) {
            long keyBytes = all.packedKeys().get_size();
            long valueBytes = all.packedValues().get_size();
            Operands operands = new Operands(
                    q.address(),
                    y.address(),
                    allocate(tiles, images * keyBytes),
                    keyBytes / heads,
                    allocate(tiles, images * valueBytes),
                    valueBytes / heads,
                    causal ? causalMask(tiles, all.keys()).address() : 0);
            runTiles(tiles, all, k, v, operands);
        } finally {
            kernels.library().useAllThreads(); // kernels that are made next are made for so many
        }
    }

    /** Each thread packs and computes whole pieces, so that threads need not wait for each other within one. */
    private void runTiles(Scope scope, AttentionTile all, Tensor k, Tensor v, Operands operands) {
        AttentionTile largest = largestTile(all);
        int images = k.dim(0);
        int across = (all.heads() + largest.heads() - 1) / largest.heads();
        int down = (all.rows() + largest.rows() - 1) / largest.rows();
        int count = images * across * down;
        long products = (long) images * all.rows() * all.keys() * all.channels();
        int threads = products < PRODUCTS_FOR_MORE_THREADS ? 1 : Math.min(workers.length, count);
        kernels.library().useOneThread();
        Workspace[] workspaces = new Workspace[threads];
        Arrays.setAll(workspaces, i -> workspace(scope, workers[i], all, largest));
        forEach(2 * images, threads, (i, thread) -> {
            Workspace space = workspaces[thread];
            int image = i / 2;
            if (i % 2 == 0) {
                kernel(space.kernels, all, Step.PACK_KEYS)
                        .runWith(
                                space.scratch,
                                k.rows(image, image + 1).address(),
                                operands.keys + (long) image * all.heads() * operands.keyBytes);
            } else {
                kernel(space.kernels, all, Step.PACK_VALUES)
                        .runWith(
                                space.scratch,
                                v.rows(image, image + 1).address(),
                                operands.values + (long) image * all.heads() * operands.valueBytes);
            }
        });
        forEach(count, threads, (i, thread) -> {
            int image = i / (across * down);
            int head = i / down % across * largest.heads();
            int row = i % down * largest.rows();
            runTile(all, tileAt(all, largest, head, row), image, head, row, operands, workspaces[thread]);
        });
    }

    /** A piece of work, given to whichever thread is free. */
    @FunctionalInterface
    private interface Piece {
        void run(int index, int thread);
    }

    private void forEach(int count, int threads, Piece piece) {
        AtomicInteger next = new AtomicInteger();
        Parallel.run(threads, thread -> {
            kernels.library().useOneThread();
            for (int i = next.getAndIncrement(); i < count; i = next.getAndIncrement()) {
                piece.run(i, thread);
            }
        });
    }

    private static void runTile(
            AttentionTile all, AttentionTile tile, int image, int head, int row, Operands operands, Workspace space) {
        long tokens = (long) image * all.rows() + row;
        long offset = (tokens * all.channels() + (long) head * all.width())
                * all.dtype().bytes();
        long index = (long) image * all.heads() + head;
        long keys = operands.keys + index * operands.keyBytes;
        long values = operands.values + index * operands.valueBytes;
        long mask = operands.mask == 0 ? 0 : operands.mask + 4L * row * all.keys();
        long product = tile.isPadded() ? space.padded : operands.y + offset;
        kernel(space.kernels, tile, Step.SCORES).runWith(space.scratch, operands.q + offset, keys, space.scores, mask);
        kernel(space.kernels, tile, Step.SOFTMAX).runWith(space.scratch, space.scores, space.weights);
        kernel(space.kernels, tile, Step.MIX).runWith(space.scratch, space.weights, values, product, 0);
        if (tile.isPadded()) {
            kernel(space.kernels, tile, Step.UNPAD).runWith(space.scratch, product, operands.y + offset);
        }
    }

    /** Makes the kernels of all tiles, to know how much scratch memory they want, and allocates what the largest tile takes. */
    private static Workspace workspace(Scope scope, Kernels kernels, AttentionTile all, AttentionTile largest) {
        long scratch = Math.max(
                kernel(kernels, all, Step.PACK_KEYS).scratchBytes(),
                kernel(kernels, all, Step.PACK_VALUES).scratchBytes());
        for (int head : new int[] {0, (all.heads() - 1) / largest.heads() * largest.heads()}) {
            for (int row : new int[] {0, (all.rows() - 1) / largest.rows() * largest.rows()}) {
                AttentionTile tile = tileAt(all, largest, head, row);
                for (Step step : new Step[] {Step.SCORES, Step.SOFTMAX, Step.MIX}) {
                    scratch = Math.max(scratch, kernel(kernels, tile, step).scratchBytes());
                }
                if (tile.isPadded()) {
                    scratch =
                            Math.max(scratch, kernel(kernels, tile, Step.UNPAD).scratchBytes());
                }
            }
        }
        return new Workspace(
                kernels,
                allocate(scope, largest.scores().get_size()),
                allocate(scope, largest.weights().get_size()),
                allocate(scope, largest.isPadded() ? largest.paddedResult().get_size() : 0),
                allocate(scope, scratch));
    }

    private static long allocate(Scope scope, long bytes) {
        return scope.allocate(Kernel.bytes(bytes), DType.U8).address();
    }

    private static AttentionTile tileAt(AttentionTile all, AttentionTile largest, int head, int row) {
        return part(all, Math.min(largest.heads(), all.heads() - head), Math.min(largest.rows(), all.rows() - row));
    }

    private static AttentionTile largestTile(AttentionTile all) {
        long rowBytes = 4L * all.keys();
        long fitting = Math.max(FEWEST_ROWS, Math.min(MOST_ROWS, TILE_BYTES / rowBytes));
        int rows = (int) Math.min(all.rows(), fitting);
        int heads = (int) Math.max(1, Math.min(all.heads(), TILE_BYTES / (rows * rowBytes)));
        return part(all, heads, rows);
    }

    private static AttentionTile part(AttentionTile all, int heads, int rows) {
        return new AttentionTile(
                heads, rows, all.keys(), all.width(), all.channels(), all.masked(), all.blocked(), all.dtype());
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

    private static Kernel kernel(Kernels kernels, AttentionTile tile, Step step) {
        return kernels.get(new Key(tile, step), key -> make(kernels.library(), key));
    }

    private static Kernel make(OneDnn library, Key key) {
        AttentionTile tile = key.tile;
        return switch (key.step) {
            case PACK_KEYS -> Packing.reorder(library, tile.keysTransposed(), tile.packedKeys());
            case PACK_VALUES -> Packing.reorder(library, tile.values(), tile.packedValues());
            case SCORES ->
                product(library, tile.queries(), tile.packedKeys(), tile.scores(), scaled(tile), tile.mask());
            case SOFTMAX -> softmax(library, tile);
            case MIX ->
                product(
                        library,
                        tile.weights(),
                        tile.isPadded() ? tile.paddedValues() : tile.packedValues(),
                        tile.isPadded() ? tile.paddedResult() : tile.queries(),
                        Layouts.attributes(),
                        new memory.desc());
            case UNPAD -> Packing.reorder(library, tile.unpaddedResult(), tile.queries());
        };
    }

    private static primitive_attr scaled(AttentionTile tile) {
        primitive_attr attributes = Layouts.attributes();
        post_ops steps = new post_ops();
        steps.append_eltwise(dnnl.algorithm.eltwise_linear, (float) (1 / Math.sqrt(tile.width())), 0);
        if (tile.masked()) {
            steps.append_binary(dnnl.algorithm.binary_add, tile.mask());
        }
        attributes.set_post_ops(steps);
        return attributes;
    }

    private static Kernel product(
            OneDnn library,
            memory.desc a,
            memory.desc b,
            memory.desc product,
            primitive_attr attributes,
            memory.desc mask) {
        matmul.primitive_desc description =
                new matmul.primitive_desc(library.engine(), a, b, product, attributes, false);
        int[] names = {dnnl.DNNL_ARG_SRC, dnnl.DNNL_ARG_WEIGHTS, dnnl.DNNL_ARG_DST, Epilogue.operandName(1)};
        return new Kernel(library, new matmul(description), description.scratchpad_desc(), names, a, b, product, mask);
    }

    private static Kernel softmax(OneDnn library, AttentionTile tile) {
        softmax_forward.primitive_desc description = new softmax_forward.primitive_desc(
                library.engine(),
                dnnl.prop_kind.forward_inference,
                dnnl.algorithm.softmax_accurate,
                tile.scores(),
                tile.weights(),
                2,
                Layouts.attributes(),
                false);
        return new Kernel(
                library,
                new softmax_forward(description),
                description.scratchpad_desc(),
                new int[] {dnnl.DNNL_ARG_SRC, dnnl.DNNL_ARG_DST},
                tile.scores(),
                tile.weights());
    }
}
