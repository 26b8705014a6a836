package dev.darkroom.tensor;

/** The complementary error function in double precision, for the exact GELU. */
final class ErrorFunction {
    private static final double SERIES_END = 2.5;

    private ErrorFunction() {}

    /** 1 - erf(x), with a small relative error also where it is tiny (Abramowitz and Stegun 1964, 7.1.6 and 7.1.14). */
    static double erfc(double x) {
        if (Double.isNaN(x)) {
            return x;
        }
        if (x < 0) {
            return 2 - erfc(-x);
        }
        return x < SERIES_END ? 1 - series(x) : fraction(x);
    }

    private static double series(double x) {
        double term = x;
        double sum = x;
        for (int n = 1; term > 1e-18 * sum; n++) {
            term *= 2 * x * x / (2 * n + 1);
            sum += term;
        }
        return 2 / Math.sqrt(Math.PI) * Math.exp(-x * x) * sum;
    }

    private static double fraction(double x) {
        double tail = x;
        for (int n = 200; n >= 1; n--) {
            tail = x + n / 2.0 / tail;
        }
        return Math.exp(-x * x) / Math.sqrt(Math.PI) / tail;
    }
}
