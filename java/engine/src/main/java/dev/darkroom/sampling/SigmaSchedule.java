package dev.darkroom.sampling;

import java.util.Locale;

/** How noise levels are spaced between the largest and the smallest. */
public enum SigmaSchedule {
    /** Those of the visited times. */
    DISCRETE,
    /** Karras et al. 2022, eq. 5, with ρ = 7. */
    KARRAS,
    /** Evenly in the logarithm. */
    EXPONENTIAL,
    /** By quantiles of a beta distribution with α = β = 0.6 (Lee et al. 2024). */
    BETA;

    private static final double RHO = 7;

    /** The schedule that users call {@code name}. */
    public static SigmaSchedule parse(String name) {
        String plain = name.toLowerCase(Locale.ROOT);
        return switch (plain) {
            case "discrete", "default", "automatic", "normal", "uniform" -> DISCRETE;
            case "karras" -> KARRAS;
            case "exponential" -> EXPONENTIAL;
            case "beta" -> BETA;
            default ->
                throw new IllegalArgumentException(
                        "unknown schedule \"" + name + "\"; known are discrete, karras, exponential, beta");
        };
    }

    /** {@code steps} levels from {@code largest} to {@code smallest}. */
    double[] levels(double largest, double smallest, int steps) {
        double[] levels = new double[steps];
        for (int i = 0; i < steps; i++) {
            double ramp = steps == 1 ? 0 : (double) i / (steps - 1);
            levels[i] = switch (this) {
                case DISCRETE -> throw new IllegalStateException("discrete levels are those of the visited times");
                case KARRAS -> {
                    double low = Math.pow(smallest, 1 / RHO);
                    double high = Math.pow(largest, 1 / RHO);
                    yield Math.pow(high + ramp * (low - high), RHO);
                }
                case EXPONENTIAL -> Math.exp(Math.log(largest) + ramp * (Math.log(smallest) - Math.log(largest)));
                case BETA -> smallest + BetaDistribution.quantile(1 - ramp, 0.6, 0.6) * (largest - smallest);
            };
        }
        if (steps > 1) { // exactly, so that a last step to the smallest level has no length
            levels[0] = largest;
            levels[steps - 1] = smallest;
        }
        return levels;
    }
}
