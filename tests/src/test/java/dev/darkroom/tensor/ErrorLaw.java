package dev.darkroom.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.function.Function;

/**
 * The error of a result against the exact formula is at most twice that of straightforward code in the same type, plus one rounding of the
 * result.
 *
 * <p>Holds for the largest error of any element and for the root of the mean square. Where the exact result is no finite number of the type, the
 * result must be the same infinity or not a number as well.
 */
final class ErrorLaw {
    private ErrorLaw() {}

    /** Checks {@code result} against {@code formula}, evaluated exactly and straightforwardly. */
    static void check(Tensor result, Function<Rounding, Values> formula) {
        Values straightforward = formula.apply(Rounding.of(result.dtype()));
        check(result, formula.apply(Rounding.NONE), straightforward);
    }

    /** Checks {@code result} against another way to compute the same on the device. */
    static void check(Tensor result, Values exact, Values other) {
        assertEquals(exact.shape, result.shape());
        Values given = Values.of(result.shape(), result.toHost());
        double unit = roundoff(result.dtype());
        Errors allowed = Errors.of(exact, other, result.dtype());
        Errors found = Errors.of(exact, given, result.dtype());
        require("largest error", found.largest, 2 * allowed.largest + unit * found.largestValue, result);
        require("mean error", found.mean, 2 * allowed.mean + unit * found.meanValue, result);
    }

    private static void require(String what, double error, double bound, Tensor result) {
        if (!(error <= bound)) { // so that a NaN fails
            throw new AssertionError(what + " of " + result + " is " + error + ", allowed is " + bound);
        }
    }

    /** Half the distance between 1 and the next number. */
    private static double roundoff(DType dtype) {
        return switch (dtype) {
            case F32 -> 0x1p-24;
            case F16 -> 0x1p-11;
            case BF16 -> 0x1p-8;
            default -> 0;
        };
    }

    /** Errors and values over the elements whose exact value is finite in the type. */
    private record Errors(double largest, double mean, double largestValue, double meanValue) {
        static Errors of(Values exact, Values given, DType dtype) {
            double largest = 0;
            double squares = 0;
            double largestValue = 0;
            double valueSquares = 0;
            int count = 0;
            for (int i = 0; i < exact.numbers.length; i++) {
                double truth = exact.numbers[i];
                float rounded = HalfFloats.round((float) truth, dtype);
                if (!Float.isFinite(rounded)) {
                    assertEquals(rounded, (float) given.numbers[i], "element " + i);
                    continue;
                }
                double error = Math.abs(given.numbers[i] - truth);
                largest = Double.isNaN(error) ? error : Math.max(largest, error);
                squares += error * error;
                largestValue = Math.max(largestValue, Math.abs(truth));
                valueSquares += truth * truth;
                count++;
            }
            double n = Math.max(1, count);
            return new Errors(largest, Math.sqrt(squares / n), largestValue, Math.sqrt(valueSquares / n));
        }
    }
}
