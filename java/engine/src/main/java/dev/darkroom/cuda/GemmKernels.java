package dev.darkroom.cuda;

import dev.darkroom.tensor.Affine;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.LinearWeight;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Matrix products of tokens and weights: {@code kernels/gemm.cu}. */
final class GemmKernels {
    private static final int MOST_PRODUCTS = 3; // of one launch: queries, keys and values
    private static final int SLICE_BYTES = 64; // of a row, which the main loop copies at once

    private final Modules modules;
    private final ArrivalCounters arrivals;
    private final LibraryProducts libraries;
    private final Map<Variant, Kernel> kernels = new HashMap<>();

    private record Variant(
            String function,
            ProductTile tile,
            DType dtype,
            boolean vector,
            boolean normalize,
            int sources,
            Epilogue.Activation activation) {}

    /** The layer normalisation of x [n, ..., in] on its way into a product; gain and bias f32 [in]. */
    record RowNorm(Affine affine, float epsilon) {}

    /**
     * One of the products of an x.
     *
     * @param weight [out, in]
     * @param y      [n, ..., out]
     */
    record Projection(Tensor weight, Epilogue epilogue, Tensor y) {}

    GemmKernels(Modules modules, ArrivalCounters arrivals, LibraryProducts libraries) {
        this.modules = modules;
        this.arrivals = arrivals;
        this.libraries = libraries;
    }

    /**
     * y [n, ..., out] = epilogue(x [n, ..., in] · weight [out, in]ᵀ).
     *
     * @param scope where partial sums may lie
     */
    void linear(Scope scope, Tensor x, Tensor weight, Epilogue epilogue, Tensor y) {
        linears(scope, x, null, List.of(new Projection(weight, epilogue, y)));
    }

    /**
     * Products of one x [n, ..., in], normalised first where {@code norm} is given. Their weights have one shape and their epilogues one activation;
     * where there are several, epilogues add nothing but the bias.
     *
     * @param scope where partial sums may lie
     */
    void linears(Scope scope, Tensor x, @Nullable RowNorm norm, List<Projection> products) {
        if (products.get(0).y.shape().count() == 0) {
            return;
        }
        List<Projection> own = norm == null
                ? products.stream()
                        .filter(each -> !libraries.linear(scope, x, each.weight, each.epilogue, each.y))
                        .toList()
                : products;
        for (int from = 0; from < own.size(); from += MOST_PRODUCTS) {
            launch(scope, x, null, norm, own.subList(from, Math.min(from + MOST_PRODUCTS, own.size())));
        }
    }

    /**
     * y [n, ..., out] = epilogue([a, b] · weight [out, p + q]ᵀ), with the channels of a [n, ..., p] and those of b [n, ..., q] side by side.
     *
     * @param scope where partial sums may lie
     */
    void linearConcat(Scope scope, Tensor a, Tensor b, Tensor weight, Epilogue epilogue, Tensor y) {
        launch(scope, a, b, null, List.of(new Projection(weight, epilogue, y)));
    }

    /** Whether {@link #linearConcat} can serve these: a's channels are whole slices of {@code kernels/mainloop.cuh}. */
    static boolean joins(Tensor a, Tensor b) {
        return a.dim(-1) * a.dtype().bytes() % SLICE_BYTES == 0
                && ProductTile.readsVectors(a.dim(-1), a)
                && ProductTile.readsVectors(b.dim(-1), b);
    }

    /** Whether a library computes the product of x [n, ..., in] and {@code weight}; it takes x as it is, neither normalised nor in two parts. */
    boolean isServed(Tensor x, LinearWeight weight) {
        int rows = rowsPerImage(x.shape());
        return rows > 0 && libraries.serves(Product.linear(x.dtype(), rows, weight.in(), weight.out()));
    }

    /** As {@link #isServed}, for {@link #geglu}. */
    boolean isGegluServed(Tensor x, LinearWeight value) {
        int rows = rowsPerImage(x.shape());
        return rows > 0 && libraries.serves(Product.geglu(x.dtype(), rows, value.in(), value.out()));
    }

    private void launch(
            Scope scope, Tensor x, @Nullable Tensor second, @Nullable RowNorm norm, List<Projection> products) {
        Projection first = products.get(0);
        DType dtype = first.y.dtype();
        Epilogue epilogue = first.epilogue;
        if (first.y.shape().count() == 0) {
            return;
        }
        int rows = Math.toIntExact(first.y.shape().rows());
        int rowsPerImage = rowsPerImage(first.y.shape());
        int columns = first.weight.dim(0);
        int depth = first.weight.dim(1);
        int count = products.size();
        Schedule schedule = libraries.schedule(Product.linear(dtype, rowsPerImage, depth, count * columns));
        int splits = schedule.splits(rowsPerImage, count * columns, depth);
        boolean vector = readsVectors(depth, x, norm)
                && products.stream().allMatch(product -> ProductTile.readsVectors(depth, product.weight));
        try (Scope scratch = scope.child("linear")) {
            ProductTile tile = schedule.tile(modules.gpu(), dtype, rows / rowsPerImage, rows, columns, splits * count);
            int tiles = tile.blocks(rows, columns) * count;
            BlockExchange exchange =
                    BlockExchange.of(scratch, arrivals, tile, tiles, splits, count == 1 ? first.y : null);
            int sources = second == null ? 1 : 2;
            Kernel kernel = kernel(
                            new Variant("linear", tile, dtype, vector, norm != null, sources, epilogue.activation()),
                            x,
                            norm)
                    .tensor(second);
            each(kernel, products, Projection::weight);
            each(kernel, products, product -> product.epilogue.bias());
            kernel.tensor(epilogue.residual()).tensor(epilogue.perChannel());
            each(kernel, products, Projection::y);
            exchange.passTo(kernel)
                    .i32(rows)
                    .i32(rowsPerImage)
                    .i32(columns)
                    .i32(depth)
                    .i32(second == null ? depth : x.dim(-1))
                    .i32(count)
                    .launch(tiles, 1, splits, tile.threads(), 0);
        }
    }

    private static void each(Kernel kernel, List<Projection> products, Function<Projection, @Nullable Tensor> part) {
        for (int i = 0; i < MOST_PRODUCTS; i++) {
            kernel.tensor(i < products.size() ? part.apply(products.get(i)) : null);
        }
    }

    /**
     * y [n, ..., out] = value(x) · gelu(gate(x)), with x [n, ..., in] normalised first where {@code norm} is given.
     *
     * @param scope where partial sums may lie
     */
    void geglu(Scope scope, Tensor x, @Nullable RowNorm norm, CudaLinearWeight value, CudaLinearWeight gate, Tensor y) {
        boolean served = y.shape().count() == 0
                || norm == null
                        && libraries.geglu(scope, x, value.values(), value.bias(), gate.values(), gate.bias(), y);
        if (served) {
            return;
        }
        int rows = Math.toIntExact(y.shape().rows());
        int columns = value.out();
        int depth = value.in();
        int rowsPerImage = rowsPerImage(y.shape());
        Schedule schedule = libraries.schedule(Product.geglu(y.dtype(), rowsPerImage, depth, columns));
        int splits = schedule.splits(rowsPerImage, 2 * columns, depth);
        boolean vector = readsVectors(depth, x, norm) && ProductTile.readsVectors(depth, value.values(), gate.values());
        try (Scope scratch = scope.child("geglu")) {
            ProductTile tile = schedule.tile(modules.gpu(), y.dtype(), rows / rowsPerImage, rows, 2 * columns, splits);
            int tiles = tile.blocks(rows, 2 * columns);
            Tensor partials = DepthSplits.partials(scratch, tile, tiles, splits);
            long counters = arrivals.address(tiles);
            Variant variant = new Variant("geglu", tile, y.dtype(), vector, norm != null, 1, Epilogue.Activation.NONE);
            kernel(variant, x, norm)
                    .tensor(value.values())
                    .tensor(gate.values())
                    .tensor(value.bias())
                    .tensor(gate.bias())
                    .tensor(y)
                    .tensor(partials)
                    .address(counters)
                    .i32(rows)
                    .i32(columns)
                    .i32(depth)
                    .launch(tiles, 1, splits, tile.threads(), 0);
        }
    }

    /** The kernel with its first arguments: x and how it is normalised. */
    private Kernel kernel(Variant variant, Tensor x, @Nullable RowNorm norm) {
        Kernel kernel = kernels.computeIfAbsent(variant, v -> {
            String[] defines = v.tile.defines(
                    v.dtype,
                    v.vector,
                    "ACTIVATION=" + v.activation,
                    "NORMALIZE=" + (v.normalize ? 1 : 0),
                    "SOURCES=" + v.sources);
            return modules.kernel("gemm.cu", v.function, defines);
        });
        return kernel.begin()
                .tensor(x)
                .tensor(norm == null ? null : norm.affine.gain())
                .tensor(norm == null ? null : norm.affine.bias())
                .f32(norm == null ? 0 : norm.epsilon);
    }

    private static boolean readsVectors(int depth, Tensor x, @Nullable RowNorm norm) {
        return ProductTile.readsVectors(depth, x)
                && (norm == null || ProductTile.readsVectors(depth, norm.affine.gain(), norm.affine.bias()));
    }

    /** Rows of [n, ..., c] to each of the n images; [n, c] has one. */
    private static int rowsPerImage(Shape shape) {
        return shape.rank() < 2 ? 1 : Math.toIntExact(shape.rows() / Math.max(1, shape.dim(0)));
    }
}
