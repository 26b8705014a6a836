package dev.darkroom.sampling;

/**
 * How much noise there is at each of the times a model was trained for: ᾱ, the cumulative product of 1 - β (Ho et al. 2020, eq. 4), and
 * σ = √((1 - ᾱ) / ᾱ). Computed in double precision.
 */
public final class NoiseSchedule {
    private static final double MAX_BETA = 0.999;
    private static final double LAST_ALPHA = 0x1p-24; // stands for 0 where σ must stay finite

    private final double[] alphasCumulative;

    private NoiseSchedule(double[] betas, boolean zeroTerminalSnr, boolean finiteSigma) {
        alphasCumulative = cumulativeProduct(zeroTerminalSnr ? rescaled(betas) : betas);
        if (zeroTerminalSnr && finiteSigma) {
            alphasCumulative[alphasCumulative.length - 1] = LAST_ALPHA;
        }
    }

    /** How β grows with time. */
    public enum Betas {
        LINEAR,
        SCALED_LINEAR,
        SQUAREDCOS_CAP_V2
    }

    /**
     * A schedule whose β are computed.
     *
     * @param zeroTerminalSnr whether β are changed so that nothing of the picture is left at the last time (Lin et al. 2023, algorithm 1)
     * @param finiteSigma     whether the last ᾱ is then 2^-24 instead of 0, for samplers that divide by it
     */
    public static NoiseSchedule of(
            Betas kind, double start, double end, int times, boolean zeroTerminalSnr, boolean finiteSigma) {
        double[] betas =
                switch (kind) {
                    case LINEAR -> linspace(start, end, times);
                    case SCALED_LINEAR -> {
                        double[] roots = linspace(Math.sqrt(start), Math.sqrt(end), times);
                        for (int i = 0; i < times; i++) {
                            roots[i] *= roots[i];
                        }
                        yield roots;
                    }
                    case SQUAREDCOS_CAP_V2 -> cosine(times);
                };
        return new NoiseSchedule(betas, zeroTerminalSnr, finiteSigma);
    }

    /** A schedule of given β. */
    public static NoiseSchedule of(double[] betas, boolean zeroTerminalSnr, boolean finiteSigma) {
        return new NoiseSchedule(betas, zeroTerminalSnr, finiteSigma);
    }

    /** Number of times the model was trained for. */
    public int times() {
        return alphasCumulative.length;
    }

    /** ᾱ at {@code time}. */
    public double alphaCumulative(int time) {
        return alphasCumulative[time];
    }

    /** √((1 - ᾱ) / ᾱ) at {@code time}. */
    public double sigma(int time) {
        return Math.sqrt((1 - alphasCumulative[time]) / alphasCumulative[time]);
    }

    /** The forward process: what a sample at {@code time} is made of (Ho et al. 2020, eq. 4). */
    public SamplingPlan.Mixture addNoise(int time) {
        return new SamplingPlan.Mixture(Math.sqrt(alphasCumulative[time]), Math.sqrt(1 - alphasCumulative[time]));
    }

    /** The velocity at {@code time}, which models of v-prediction are trained for (Salimans and Ho 2022, section 4). */
    public SamplingPlan.Mixture velocity(int time) {
        return new SamplingPlan.Mixture(-Math.sqrt(1 - alphasCumulative[time]), Math.sqrt(alphasCumulative[time]));
    }

    /** σ of every time. */
    double[] sigmas() {
        double[] sigmas = new double[times()];
        for (int t = 0; t < sigmas.length; t++) {
            sigmas[t] = sigma(t);
        }
        return sigmas;
    }

    /** {@code count} numbers from {@code start} to {@code end}, both included. */
    static double[] linspace(double start, double end, int count) {
        double[] values = new double[count];
        for (int i = 0; i < count; i++) {
            values[i] = count == 1 ? start : start + i * ((end - start) / (count - 1));
        }
        if (count > 1) {
            values[count - 1] = end;
        }
        return values;
    }

    private static double[] cosine(int times) {
        double[] betas = new double[times];
        for (int i = 0; i < times; i++) {
            betas[i] = Math.min(1 - cosineBar((i + 1.0) / times) / cosineBar((double) i / times), MAX_BETA);
        }
        return betas;
    }

    /** Nichol and Dhariwal 2021, eq. 17. */
    private static double cosineBar(double t) {
        double root = Math.cos((t + 0.008) / 1.008 * Math.PI / 2);
        return root * root;
    }

    private static double[] cumulativeProduct(double[] betas) {
        double[] products = new double[betas.length];
        double product = 1;
        for (int i = 0; i < betas.length; i++) {
            product *= 1 - betas[i];
            products[i] = product;
        }
        return products;
    }

    private static double[] rescaled(double[] betas) {
        double[] roots = cumulativeProduct(betas);
        for (int i = 0; i < roots.length; i++) {
            roots[i] = Math.sqrt(roots[i]);
        }
        double first = roots[0];
        double last = roots[roots.length - 1];
        double[] changed = new double[roots.length];
        double previous = 1;
        for (int i = 0; i < roots.length; i++) {
            double root = (roots[i] - last) * (first / (first - last));
            changed[i] = 1 - root * root / previous;
            previous = root * root;
        }
        return changed;
    }
}
