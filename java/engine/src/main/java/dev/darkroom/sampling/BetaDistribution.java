package dev.darkroom.sampling;

/** The beta distribution on 0 … 1, as far as schedules of noise levels need it. */
final class BetaDistribution {
    private static final int MAX_TERMS = 500;
    private static final double TINY = 1e-300;

    private BetaDistribution() {}

    /** The value below which a share {@code p} of the distribution with parameters a and b lies, by bisection to full precision. */
    static double quantile(double p, double a, double b) {
        if (p <= 0 || p >= 1) {
            return p <= 0 ? 0 : 1;
        }
        double low = 0;
        double high = 1;
        while (true) {
            double middle = (low + high) / 2;
            if (middle <= low || middle >= high) {
                return middle;
            }
            if (cumulative(middle, a, b) < p) {
                low = middle;
            } else {
                high = middle;
            }
        }
    }

    /** The regularised incomplete beta function I_x(a, b) (Abramowitz and Stegun 1964, 26.5.8). */
    static double cumulative(double x, double a, double b) {
        if (x > (a + 1) / (a + b + 2)) { // where the fraction for the other tail converges fast
            return 1 - cumulative(1 - x, b, a);
        }
        double front = Math.exp(a * Math.log(x) + b * Math.log1p(-x) - logBeta(a, b)) / a;
        return front * continuedFraction(x, a, b);
    }

    /** By Lentz's method. */
    private static double continuedFraction(double x, double a, double b) {
        double c = 1;
        double d = 1 / nonZero(1 - (a + b) * x / (a + 1));
        double product = d;
        for (int m = 1; m <= MAX_TERMS; m++) {
            double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
            d = 1 / nonZero(1 + even * d);
            c = nonZero(1 + even / c);
            product *= d * c;
            double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
            d = 1 / nonZero(1 + odd * d);
            c = nonZero(1 + odd / c);
            product *= d * c;
            if (Math.abs(d * c - 1) < 1e-16) {
                break;
            }
        }
        return product;
    }

    private static double nonZero(double value) {
        return Math.abs(value) < TINY ? TINY : value;
    }

    private static double logBeta(double a, double b) {
        return logGamma(a) + logGamma(b) - logGamma(a + b);
    }

    /** ln Γ(x) for x > 0: Stirling's series, after lifting x above 15. */
    private static double logGamma(double x) {
        double lifted = x;
        double shift = 0;
        while (lifted < 15) {
            shift -= Math.log(lifted);
            lifted++;
        }
        double inverse = 1 / (lifted * lifted);
        double series = (1.0 / 12 - inverse * (1.0 / 360 - inverse * (1.0 / 1260 - inverse / 1680))) / lifted;
        return shift + (lifted - 0.5) * Math.log(lifted) - lifted + 0.5 * Math.log(2 * Math.PI) + series;
    }
}
