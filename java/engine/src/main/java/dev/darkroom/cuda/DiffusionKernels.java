package dev.darkroom.cuda;

import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Tensor;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** What samplers and the ends of the networks need: {@code kernels/diffusion.cu}. */
final class DiffusionKernels {
    private static final int THREADS = 256;
    private static final int IMAGE_THREADS = 1024;
    private static final int TERMS = 16; // of a launch
    private static final int SUMS = 4;

    private final Modules modules;

    DiffusionKernels(Modules modules) {
        this.modules = modules;
    }

    /** Σ coefficients[·, o, k] · terms[k] → results[o] f32; coefficients [n or 1, results · terms], terms f32 or of one other type. */
    void weightedSums(Tensor coefficients, Tensor[] terms, List<Tensor> results) {
        if (results.get(0).shape().count() == 0) {
            return;
        }
        for (int sum = 0; sum < results.size(); sum += SUMS) {
            List<Tensor> some = results.subList(sum, Math.min(sum + SUMS, results.size()));
            for (int term = 0; term < terms.length; term += TERMS) {
                weightedSums(coefficients, sum, terms, term, some);
            }
        }
    }

    /** Adds up to 16 terms from {@code first} on to up to 4 results; for the first terms the results are new. */
    private void weightedSums(Tensor coefficients, int firstSum, Tensor[] terms, int first, List<Tensor> results) {
        int some = Math.min(TERMS, terms.length - first);
        boolean oneRow = coefficients.dim(0) == 1;
        int images = oneRow ? 1 : coefficients.dim(0);
        long perImage = results.get(0).shape().count() / images;
        Kernel kernel = kernel("weightedSums", narrowType(terms))
                .address(coefficients.address() + Float.BYTES * ((long) firstSum * terms.length + first))
                .i64(oneRow ? 0 : coefficients.dim(1))
                .i32(terms.length);
        int narrow = 0;
        for (int k = 0; k < TERMS; k++) {
            @Nullable Tensor term = k < some ? terms[first + k] : null;
            kernel.tensor(term);
            narrow |= term == null || term.dtype() == DType.F32 ? 0 : 1 << k;
        }
        kernel.i32(some).i32(narrow);
        for (int o = 0; o < SUMS; o++) {
            kernel.tensor(o < results.size() ? results.get(o) : null);
        }
        kernel.i32(results.size())
                .i32(first == 0 ? 0 : 1)
                .i32(images)
                .i64(perImage)
                .launch(Grids.blocks(perImage, THREADS), Math.min(images, Grids.MOST_Y), 1, THREADS, 0);
    }

    /** The type of those terms that are not f32, of which there is one at most. */
    private static DType narrowType(Tensor[] terms) {
        return Stream.of(terms)
                .map(Tensor::dtype)
                .filter(dtype -> dtype != DType.F32)
                .findFirst()
                .orElse(DType.F32);
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
