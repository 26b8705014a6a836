package dev.darkroom.reference;

/**
 * How far a result is from its reference, relative to the reference's largest value and root mean square.
 *
 * @param max max|x - ref| / max|ref|; NaN where x is not a number anywhere
 * @param rms rms(x - ref) / rms(ref)
 */
public record Comparison(double max, double rms) {
    /** Compares {@code actual} with {@code expected}, of the same length. */
    public static Comparison of(float[] actual, float[] expected) {
        double[] widened = new double[actual.length];
        for (int i = 0; i < actual.length; i++) {
            widened[i] = actual[i];
        }
        return of(widened, expected);
    }

    /** Compares {@code actual} with {@code expected}, of the same length. */
    public static Comparison of(double[] actual, float[] expected) {
        if (actual.length != expected.length) {
            throw new IllegalArgumentException(
                    "the result has " + actual.length + " values, the reference " + expected.length);
        }
        double largestError = 0;
        double largest = 0;
        double squaredError = 0;
        double squared = 0;
        for (int i = 0; i < actual.length; i++) {
            double error = Math.abs(actual[i] - expected[i]);
            if (Double.isNaN(error)) {
                return new Comparison(Double.NaN, Double.NaN);
            }
            largestError = Math.max(largestError, error);
            largest = Math.max(largest, Math.abs(expected[i]));
            squaredError += error * error;
            squared += (double) expected[i] * expected[i];
        }
        return new Comparison(relative(largestError, largest), relative(Math.sqrt(squaredError), Math.sqrt(squared)));
    }

    private static double relative(double error, double reference) {
        return error == 0 ? 0 : error / reference; // infinite where the reference is all zeros and the result is not
    }
}
