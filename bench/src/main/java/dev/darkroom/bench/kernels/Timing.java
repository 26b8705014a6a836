package dev.darkroom.bench.kernels;

import com.fasterxml.jackson.databind.node.ObjectNode;

/** Timings of one thing. */
final class Timing {
    private final double[] microseconds; // of each run, sorted

    /** @param microseconds of each run, sorted */
    Timing(double... microseconds) {
        this.microseconds = microseconds.clone();
    }

    double median() {
        int n = microseconds.length;
        return (microseconds[(n - 1) / 2] + microseconds[n / 2]) / 2;
    }

    /** The smallest time within which 95 % of the runs end. */
    double p95() {
        return microseconds[(int) Math.ceil(0.95 * microseconds.length) - 1];
    }

    /** Puts median, p95, minimum and count into a JSON object. */
    ObjectNode writeTo(ObjectNode node) {
        return node.put("n", microseconds.length)
                .put("median_us", rounded(median()))
                .put("p95_us", rounded(p95()))
                .put("min_us", rounded(microseconds[0]));
    }

    /** To four digits: an event is no more exact. */
    static double rounded(double value) {
        return value == 0 || !Double.isFinite(value)
                ? value
                : new java.math.BigDecimal(value)
                        .round(new java.math.MathContext(4))
                        .doubleValue();
    }
}
