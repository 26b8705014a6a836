package dev.darkroom.cuda;

import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/** What samplers and the ends of the networks need: {@code kernels/diffusion.cu}. */
final class DiffusionKernels {
    private static final int THREADS = 256;
    private static final int IMAGE_THREADS = 1024;
    private static final int TERMS = 8;

    private final Modules modules;

    DiffusionKernels(Modules modules) {
        this.modules = modules;
    }

    /** Σ coefficients[·, k] · terms[k] → y, all f32. */
    void weightedSum(Tensor coefficients, Tensor[] terms, Tensor y) {
        long count = y.shape().count();
        int stride = coefficients.dim(0) == 1 ? 0 : terms.length;
        for (int first = 0; first < terms.length && count > 0; first += TERMS) {
            int some = Math.min(TERMS, terms.length - first);
            Kernel kernel = kernel("weightedSum", DType.F32)
                    .address(coefficients.address() + (long) Float.BYTES * first)
                    .i32(stride)
                    .tensor(first == 0 ? null : y);
            for (int k = 0; k < TERMS; k++) {
                @Nullable Tensor term = k < some ? terms[first + k] : null;
                kernel.tensor(term);
            }
            kernel.i32(some)
                    .tensor(y)
                    .i64(count)
                    .i64(count / y.dim(0))
                    .launch(Grids.blocks(count, THREADS), 1, 1, THREADS, 0);
        }
    }

    /** Sinusoids of t [n] → y [n, width]. */
    void timeEmbedding(Tensor t, boolean cosFirst, float shift, Tensor y) {
        long count = y.shape().count() / 2;
        if (count > 0) {
            kernel("timeEmbedding", DType.F32)
                    .tensor(t)
                    .tensor(y)
                    .i32(y.dim(0))
                    .i32(y.dim(1))
                    .i32(cosFirst ? 1 : 0)
                    .f32(shift)
                    .launch(Grids.blocks(count, THREADS), 1, 1, THREADS, 0);
        }
    }

    /** Guided with the deviation of conditional, mixed by factor → y. */
    void rescaleGuidance(Tensor guided, Tensor conditional, float factor, Tensor y) {
        if (y.shape().count() > 0) {
            kernel("rescale", DType.F32)
                    .tensor(guided)
                    .tensor(conditional)
                    .tensor(y)
                    .i32(perImage(y))
                    .f32(factor)
                    .launch(y.dim(0), 1, 1, IMAGE_THREADS, 0);
        }
    }

    /** x held within ±s and divided by s → y. */
    void dynamicThreshold(Tensor x, float ratio, float most, Tensor y) {
        if (y.shape().count() > 0) {
            double position = (double) ratio * (perImage(x) - 1);
            int below = (int) Math.floor(position);
            kernel("dynamicThreshold", DType.F32)
                    .tensor(x)
                    .tensor(y)
                    .i32(perImage(x))
                    .i32(below)
                    .f64(position - below)
                    .f32(most)
                    .launch(y.dim(0), 1, 1, IMAGE_THREADS, 0);
        }
    }

    /** x [...] → y u8. */
    void toPixels(Tensor x, Tensor y) {
        long count = x.shape().count();
        if (count > 0) {
            kernel("toPixels", x.dtype())
                    .tensor(x)
                    .tensor(y)
                    .i64(count)
                    .launch(Grids.blocks(count, THREADS), 1, 1, THREADS, 0);
        }
    }

    /** Adds to found i32 [1] how many of x are infinite or not a number. */
    void countNonFinite(Tensor x, Tensor found) {
        long count = x.shape().count();
        if (count > 0) {
            kernel("countNonFinite", x.dtype())
                    .tensor(x)
                    .tensor(found)
                    .i64(count)
                    .launch(Grids.blocks(count, THREADS), 1, 1, THREADS, 0);
        }
    }

    private Kernel kernel(String function, DType dtype) {
        return modules.kernel("diffusion.cu", function, "T=" + dtype);
    }

    private static int perImage(Tensor x) {
        return Math.toIntExact(x.shape().count() / x.dim(0));
    }
}
