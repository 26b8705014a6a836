package dev.darkroom.cuda;

import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Matrix products of tokens and weights: {@code kernels/gemm.cu}. */
final class GemmKernels {
    private final Modules modules;
    private final ArrivalCounters arrivals;
    private final LibraryProducts libraries;
    private final Map<Variant, Kernel> kernels = new HashMap<>();

    private record Variant(
            String function, ProductTile tile, DType dtype, boolean vector, Epilogue.Activation activation) {}

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
        if (y.shape().count() == 0 || libraries.linear(scope, x, weight, epilogue, y)) {
            return;
        }
        int rows = Math.toIntExact(y.shape().rows());
        int rowsPerImage = rowsPerImage(y.shape());
        int columns = weight.dim(0);
        int depth = weight.dim(1);
        int splits = DepthSplits.count(rowsPerImage, columns, depth);
        try (Scope scratch = scope.child("linear")) {
            ProductTile tile = ProductTile.choose(modules.gpu(), y.dtype(), rows, columns, splits);
            int tiles = tile.blocks(rows, columns);
            boolean vector = ProductTile.readsVectors(depth, x, weight);
            kernel(new Variant("linear", tile, y.dtype(), vector, epilogue.activation()))
                    .tensor(x)
                    .tensor(weight)
                    .tensor(epilogue.bias())
                    .tensor(epilogue.residual())
                    .tensor(epilogue.perChannel())
                    .tensor(y)
                    .tensor(DepthSplits.partials(scratch, tile, tiles, splits))
                    .address(arrivals.address(tiles))
                    .i32(rows)
                    .i32(rowsPerImage)
                    .i32(columns)
                    .i32(depth)
                    .launch(tiles, 1, splits, tile.threads(), 0);
        }
    }

    /**
     * y [n, ..., out] = (x · valueᵀ + valueBias) · gelu(x · gateᵀ + gateBias); value and gate [out, in].
     *
     * @param scope where partial sums may lie
     */
    void geglu(
            Scope scope,
            Tensor x,
            Tensor value,
            @Nullable Tensor valueBias,
            Tensor gate,
            @Nullable Tensor gateBias,
            Tensor y) {
        if (y.shape().count() == 0 || libraries.geglu(scope, x, value, valueBias, gate, gateBias, y)) {
            return;
        }
        int rows = Math.toIntExact(y.shape().rows());
        int columns = value.dim(0);
        int depth = value.dim(1);
        int splits = DepthSplits.count(rowsPerImage(y.shape()), 2 * columns, depth);
        try (Scope scratch = scope.child("geglu")) {
            ProductTile tile = ProductTile.choose(modules.gpu(), y.dtype(), rows, 2 * columns, splits);
            int tiles = tile.blocks(rows, 2 * columns);
            boolean vector = ProductTile.readsVectors(depth, x, value, gate);
            kernel(new Variant("geglu", tile, y.dtype(), vector, Epilogue.Activation.NONE))
                    .tensor(x)
                    .tensor(value)
                    .tensor(valueBias)
                    .tensor(gate)
                    .tensor(gateBias)
                    .tensor(y)
                    .tensor(DepthSplits.partials(scratch, tile, tiles, splits))
                    .address(arrivals.address(tiles))
                    .i32(rows)
                    .i32(columns)
                    .i32(depth)
                    .launch(tiles, 1, splits, tile.threads(), 0);
        }
    }

    private Kernel kernel(Variant variant) {
        return kernels.computeIfAbsent(variant, v -> {
            String[] defines = v.tile.defines(v.dtype, v.vector, "ACTIVATION=" + v.activation);
            return modules.kernel("gemm.cu", v.function, defines);
        });
    }

    /** Rows of [n, ..., c] to each of the n images; [n, c] has one. */
    private static int rowsPerImage(Shape shape) {
        return shape.rank() < 2 ? 1 : Math.toIntExact(shape.rows() / shape.dim(0));
    }
}
