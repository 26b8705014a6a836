package dev.darkroom.cuda;

import dev.darkroom.tensor.Conv2dWeight;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Tensor;
import java.util.HashMap;
import java.util.Map;

/** Convolutions of maps [n, h, w, c]: {@code kernels/convolution.cu}, and {@link GemmKernels} for kernels of one pixel. */
final class ConvolutionKernels {
    private static final Conv2dWeight.Geometry DOUBLED = Conv2dWeight.Geometry.afterUpsample(3);

    private final Modules modules;
    private final ArrivalCounters arrivals;
    private final GemmKernels gemmKernels;
    private final LibraryProducts libraries;
    private final Map<Variant, Kernel> kernels = new HashMap<>();

    private record Variant(ProductTile tile, DType dtype, boolean vector) {}

    ConvolutionKernels(Modules modules, ArrivalCounters arrivals, GemmKernels gemmKernels, LibraryProducts libraries) {
        this.modules = modules;
        this.arrivals = arrivals;
        this.gemmKernels = gemmKernels;
        this.libraries = libraries;
    }

    /**
     * y [n, h', w', out] = epilogue(x [n, h, w, in] * weight [out, kh, kw, in]).
     *
     * @param scope where partial sums may lie
     */
    void convolution(
            Scope scope, Tensor x, Tensor weight, Conv2dWeight.Geometry geometry, Epilogue epilogue, Tensor y) {
        boolean ofOnePixel = weight.dim(1) == 1 && weight.dim(2) == 1;
        if (ofOnePixel && geometry.stride() == 1 && geometry.padBefore() == 0 && geometry.padAfter() == 0) {
            gemmKernels.linear(scope, x, weight.reshape(weight.dim(0), weight.dim(3)), epilogue, y);
        } else if (y.shape().count() > 0 && !libraries.convolution(scope, x, weight, geometry, epilogue, y)) {
            Schedule schedule = libraries.schedule(Product.convolution(
                    x.dtype(), x.dim(1), x.dim(2), x.dim(3), weight.dim(0), weight.dim(1), weight.dim(2), geometry));
            Moves moves = new Moves(geometry.stride(), geometry.padBefore(), y.dim(1), y.dim(2));
            launch(scope, x, weight, moves, schedule, epilogue, y);
        }
    }

    /** Whether {@link #doubled} can serve kernels [out, kh, kw, in] of this geometry. */
    static boolean doubles(int kernelHeight, int kernelWidth, Conv2dWeight.Geometry geometry) {
        return kernelHeight == 3 && kernelWidth == 3 && geometry.equals(DOUBLED);
    }

    /**
     * y [n, 2h, 2w, out]: the convolution by a kernel of 3 x 3 of x [n, h, w, in] doubled by nearest neighbours.
     *
     * @param scope  where partial sums may lie
     * @param phases [4, out, 2, 2, in], made of the kernel as {@code kernels/convolution.cu} says
     */
    void doubled(Scope scope, Tensor x, Tensor phases, Epilogue epilogue, Tensor y) {
        if (y.shape().count() > 0) {
            launch(scope, x, phases, new Moves(1, 1, x.dim(1), x.dim(2)), Schedule.BY_RULE, epilogue, y);
        }
    }

    /** Where a kernel is put: {@code rows} x {@code columns} places for each image (and phase). */
    private record Moves(int stride, int padding, int rows, int columns) {}

    /** @param weight [out, kh, kw, in], or [phases, out, kh, kw, in] */
    private void launch(
            Scope scope, Tensor x, Tensor weight, Moves moves, Schedule schedule, Epilogue epilogue, Tensor y) {
        int phases = weight.shape().rank() == 5 ? weight.dim(0) : 1;
        int out = weight.dim(-4);
        int in = weight.dim(-1);
        int pixels = Math.toIntExact(y.shape().rows() / phases);
        int pixelsPerImage = y.dim(1) * y.dim(2);
        int splits = schedule.splits(pixelsPerImage, out, weight.dim(-3) * weight.dim(-2) * in);
        try (Scope scratch = scope.child("convolution")) {
            ProductTile tile = schedule.tile(modules.gpu(), y.dtype(), y.dim(0), pixels, out, splits * phases);
            int tiles = tile.blocks(pixels, out);
            BlockExchange exchange =
                    BlockExchange.of(scratch, arrivals, tile, tiles * phases, splits, phases == 1 ? y : null);
            Kernel kernel = kernel(new Variant(tile, y.dtype(), ProductTile.readsVectors(in, x, weight)))
                    .tensor(x)
                    .tensor(weight)
                    .tensor(epilogue.bias())
                    .tensor(epilogue.residual())
                    .tensor(epilogue.perChannel())
                    .tensor(y);
            exchange.passTo(kernel)
                    .i32(pixels)
                    .i32(x.dim(1))
                    .i32(x.dim(2))
                    .i32(in)
                    .i32(moves.rows)
                    .i32(moves.columns)
                    .i32(out)
                    .i32(weight.dim(-3))
                    .i32(weight.dim(-2))
                    .i32(moves.stride)
                    .i32(moves.padding)
                    .i32(moves.padding)
                    .i32(phases)
                    .i32(splits)
                    .launch(tiles, 1, splits * phases, tile.threads(), 0);
        }
    }

    private Kernel kernel(Variant variant) {
        return kernels.computeIfAbsent(
                        variant,
                        v -> modules.kernel("convolution.cu", "convolution", v.tile.defines(v.dtype, v.vector)))
                .begin();
    }
}
