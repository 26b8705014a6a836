package dev.darkroom.sampling;

import java.util.Arrays;
import java.util.Locale;

/** How noise levels are spaced between the largest and the smallest. */
public enum SigmaSchedule {
    /** Those of the times that the sampler's class visits. */
    DISCRETE("Discrete"),
    /** Karras et al. 2022, eq. 5, with ρ = 7. */
    KARRAS("Karras"),
    /** Evenly in the logarithm. A1111's polyexponential is the same at its ρ = 1. */
    EXPONENTIAL("Exponential", "polyexponential"),
    /** By quantiles of a beta distribution with α = β = 0.6 (Lee et al. 2024). */
    BETA("Beta"),
    /** Evenly in time, both ends included; k-diffusion's own. */
    NORMAL("Uniform", "normal"),
    /** Evenly in time, without the last, as SDXL's authors do (SGM). */
    SGM_UNIFORM("SGM Uniform"),
    /** Every so-manieth trained level, the last first. */
    SIMPLE("Simple"),
    /** Every so-manieth trained level, from the second on: the times of DDIM. */
    DDIM_UNIFORM("DDIM", "ddimuniform"),
    /** Evenly in time, bent by a cubic so that both ends are finer (stable-diffusion.cpp). */
    SMOOTHSTEP("Smoothstep"),
    /** Evenly in the arc tangent, which is best for a normal distribution; ends at the smallest level (Sabour et al. 2024, theorem 3.1). */
    KL_OPTIMAL("KL Optimal"),
    /** Optimised for Stable Diffusion 1.5 (Sabour et al. 2024, table 6), with other numbers of steps by interpolation in the logarithm. */
    ALIGN_YOUR_STEPS("Align Your Steps", "ays"),
    /** The same for SDXL; under the same name, as the model decides. */
    ALIGN_YOUR_STEPS_XL("Align Your Steps");

    private static final double RHO = 7;
    private static final double[] ALIGNED = {
        14.615, 6.475, 3.861, 2.697, 1.886, 1.396, 0.963, 0.652, 0.399, 0.152, 0.029
    };
    private static final double[] ALIGNED_XL = {
        14.615, 6.315, 3.771, 2.181, 1.342, 0.862, 0.555, 0.380, 0.234, 0.113, 0.029
    };

    private final String title;
    private final String[] aliases;

    SigmaSchedule(String title, String... aliases) {
        this.title = title;
        this.aliases = aliases;
    }

    /** The name people know it by. */
    public String title() {
        return title;
    }

    /**
     * The schedule that users call {@code name}, in AUTOMATIC1111's spelling ("SGM Uniform") or stable-diffusion.cpp's ("sgm_uniform");
     * "automatic" is the one that AUTOMATIC1111 gives {@code kind} where nothing is said.
     *
     * @throws IllegalArgumentException naming the known ones
     */
    public static SigmaSchedule parse(String name, SamplerKind kind) {
        String plain = plain(name);
        if (plain.equals("automatic")) {
            return kind.automatic();
        }
        if (plain.equals("default")) {
            return DISCRETE;
        }
        for (SigmaSchedule each : values()) {
            if (plain(each.title).equals(plain) || Arrays.asList(each.aliases).contains(plain)) {
                return each;
            }
        }
        throw new IllegalArgumentException("unknown schedule \"" + name + "\"; known are automatic, " + titles());
    }

    /** The names of all schedules, as messages and help list them. */
    public static String titles() {
        StringBuilder titles = new StringBuilder();
        for (SigmaSchedule each : values()) {
            if (each != ALIGN_YOUR_STEPS_XL) { // which the model decides
                titles.append(titles.isEmpty() ? "" : ", ").append(each.title);
            }
        }
        return titles.toString();
    }

    private static String plain(String name) {
        return name.toLowerCase(Locale.ROOT).replaceAll("[ _-]", "");
    }

    /**
     * {@code steps} levels of a model and the one that the last step ends at, as AUTOMATIC1111 has them.
     *
     * @param trained the levels of the trained times, smallest first
     */
    double[] closedLevels(double[] trained, int steps) {
        double largest = trained[trained.length - 1];
        double smallest = trained[0];
        double[] levels = new double[steps + 1];
        for (int i = 0; i < steps; i++) {
            double share = (double) i / steps; // of the steps before this one
            double ramp = steps == 1 ? 0 : (double) i / (steps - 1);
            levels[i] = switch (this) {
                case DISCRETE -> throw new IllegalStateException("discrete levels are those of the visited times");
                case KARRAS, EXPONENTIAL, BETA -> level(largest, smallest, ramp);
                case NORMAL -> NoiseLevels.sigmaOf(trained, (1 - ramp) * (trained.length - 1));
                case SGM_UNIFORM -> NoiseLevels.sigmaOf(trained, (1 - share) * (trained.length - 1));
                case SIMPLE -> trained[trained.length - 1 - (int) (i * ((double) trained.length / steps))];
                case DDIM_UNIFORM ->
                    trained[Math.min(trained.length - 1, (steps - 1 - i) * (trained.length / steps) + 1)];
                case SMOOTHSTEP ->
                    trained[(int) Math.rint((1 - share) * (1 - share) * (1 + 2 * share) * (trained.length - 1))];
                case KL_OPTIMAL -> Math.tan((1 - share) * Math.atan(largest) + share * Math.atan(smallest));
                case ALIGN_YOUR_STEPS -> aligned(ALIGNED, ramp);
                case ALIGN_YOUR_STEPS_XL -> aligned(ALIGNED_XL, ramp);
            };
        }
        levels[steps] = this == KL_OPTIMAL ? smallest : 0;
        return levels;
    }

    /** {@code steps} levels from {@code largest} to {@code smallest}, for schedules that depend on nothing else. */
    double[] levels(double largest, double smallest, int steps) {
        double[] levels = new double[steps];
        for (int i = 0; i < steps; i++) {
            levels[i] = level(largest, smallest, steps == 1 ? 0 : (double) i / (steps - 1));
        }
        if (steps > 1) { // exactly, so that a last step to the smallest level has no length
            levels[0] = largest;
            levels[steps - 1] = smallest;
        }
        return levels;
    }

    private double level(double largest, double smallest, double ramp) {
        return switch (this) {
            case KARRAS -> {
                double low = Math.pow(smallest, 1 / RHO);
                double high = Math.pow(largest, 1 / RHO);
                yield Math.pow(high + ramp * (low - high), RHO);
            }
            case EXPONENTIAL -> Math.exp(Math.log(largest) + ramp * (Math.log(smallest) - Math.log(largest)));
            case BETA -> smallest + BetaDistribution.quantile(1 - ramp, 0.6, 0.6) * (largest - smallest);
            default -> throw new IllegalStateException(this + " depends on the trained levels");
        };
    }

    private static double aligned(double[] table, double ramp) {
        double position = ramp * (table.length - 1);
        int before = Math.min((int) position, table.length - 2);
        double share = position - before;
        return Math.exp((1 - share) * Math.log(table[before]) + share * Math.log(table[before + 1]));
    }
}
