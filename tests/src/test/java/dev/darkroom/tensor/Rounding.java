package dev.darkroom.tensor;

import org.jspecify.annotations.Nullable;

/**
 * How the numbers of a formula are rounded on the way.
 *
 * @param dtype the type of straightforward code: intermediate results and sums are f32, results of this type; null for the exact
 *              formula, in double precision throughout
 */
record Rounding(@Nullable DType dtype) {
    static final Rounding NONE = new Rounding(null);

    static Rounding of(DType dtype) {
        return new Rounding(dtype);
    }

    /** An intermediate result or a sum. */
    double step(double value) {
        return dtype == null ? value : (float) value;
    }

    /** A result, as it is stored. */
    double result(double value) {
        return dtype == null ? value : HalfFloats.round((float) value, dtype);
    }
}
