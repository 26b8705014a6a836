package dev.darkroom.cuda;

import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Splits the depth of matrix products with few results among blocks, and adds up their partial sums: {@code kernels/splits.cu}. */
final class SplitKernels {
    private static final int TILE = 64; // rows and columns of the smallest tile
    private static final int ENOUGH_BLOCKS = 256; // two for each multiprocessor of a large GPU
    private static final int LEAST_DEPTH = 512; // of a split, below which adding up takes longer than it saves
    private static final int THREADS = 256;

    private final Modules modules;
    private final Map<Variant, Kernel> kernels = new HashMap<>();

    private record Variant(DType dtype, Epilogue.Activation activation) {}

    SplitKernels(Modules modules) {
        this.modules = modules;
    }

    /**
     * Into how many parts to split the depth. Depends on the size of one image alone, so that its sums are the same in every batch.
     *
     * @param rows of one image, of all its phases
     */
    static int count(long rows, int columns, int depth) {
        long tiles = ((rows + TILE - 1) / TILE) * ((columns + TILE - 1) / TILE);
        return (int) Math.max(1, Math.min(ENOUGH_BLOCKS / Math.max(1, tiles), depth / LEAST_DEPTH));
    }

    /** Memory for partial sums [splits · parts, rows, columns] in float; null where the depth is not split. */
    static @Nullable Tensor partials(Scope scope, int splits, int parts, Tensor y) {
        if (splits == 1) {
            return null;
        }
        int rows = Math.toIntExact(y.shape().rows());
        return scope.allocate(Shape.of(splits * parts, rows, y.dim(-1)), DType.F32);
    }

    /**
     * y [..., columns] from partial sums [splits, rows, columns].
     *
     * @param rowsPerImage rows of y to each row of {@code perChannel}
     */
    void sum(Tensor partials, Epilogue epilogue, int rowsPerImage, Tensor y) {
        launch(partials, partials.dim(0), epilogue, null, rowsPerImage, 0, y);
    }

    /** y [..., columns] from partial sums [splits · 2, rows, columns] of values and gates in turn. */
    void sumGated(Tensor partials, @Nullable Tensor valueBias, @Nullable Tensor gateBias, Tensor y) {
        launch(partials, partials.dim(0) / 2, Epilogue.of(valueBias), gateBias, 1, 1, y);
    }

    private void launch(
            Tensor partials,
            int splits,
            Epilogue epilogue,
            @Nullable Tensor gateBias,
            int rowsPerImage,
            int gated,
            Tensor y) {
        int columns = y.dim(-1);
        kernels.computeIfAbsent(new Variant(y.dtype(), epilogue.activation()), this::kernel)
                .tensor(partials)
                .tensor(epilogue.bias())
                .tensor(gateBias)
                .tensor(epilogue.residual())
                .tensor(epilogue.perChannel())
                .tensor(y)
                .i32(splits)
                .i32(rowsPerImage)
                .i32(columns)
                .i32(gated)
                .launch(partials.dim(1), (columns + THREADS - 1) / THREADS, 1, THREADS, 0);
    }

    private Kernel kernel(Variant variant) {
        return modules.kernel("splits.cu", "sumSplits", "T=" + variant.dtype, "ACTIVATION=" + variant.activation);
    }
}
