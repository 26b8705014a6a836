package dev.darkroom.sampling;

import java.util.Arrays;

/** The noise levels that a sampler visits, largest first and with the one it ends at, and the times that belong to them. */
final class NoiseLevels {
    private final double[] sigmas;
    private final double[] times;

    private NoiseLevels(double[] sigmas, double[] times) {
        this.sigmas = sigmas;
        this.times = times;
    }

    /** With times that may be fractions, as samplers take them that were written for continuous time (k-diffusion). */
    static NoiseLevels continuous(SchedulerConfig config, NoiseSchedule noise, int steps) {
        double[] trained = noise.sigmas();
        double[] times = config.spacing().times(noise.times(), steps, config.offset());
        double[] sigmas = new double[steps];
        Arrays.setAll(sigmas, i -> interpolated(trained, times[i]));
        boolean logLinear =
                config.choice("interpolation_type", "linear", "log_linear").equals("log_linear");
        if (logLinear) {
            double[] logarithms =
                    NoiseSchedule.linspace(Math.log(trained[0]), Math.log(trained[trained.length - 1]), steps + 1);
            Arrays.setAll(sigmas, i -> Math.exp(logarithms[steps - i]));
        }
        SigmaSchedule schedule = config.sigmaSchedule();
        if (schedule != SigmaSchedule.DISCRETE) {
            sigmas = schedule.levels(
                    config.real("sigma_max", sigmas[0]), config.real("sigma_min", sigmas[steps - 1]), steps);
            for (int i = 0; i < steps; i++) {
                times[i] = timeOf(trained, sigmas[i]);
            }
        }
        if (config.choice("timestep_type", "discrete", "continuous").equals("continuous")
                && config.prediction() == Prediction.V_PREDICTION) {
            for (int i = 0; i < steps; i++) {
                times[i] = 0.25 * Math.log(sigmas[i]);
            }
        }
        boolean endsAtSmallest = logLinear || config.endsAtSmallestSigma();
        return new NoiseLevels(closed(sigmas, endsAtSmallest ? trained[0] : 0), times);
    }

    /** With times in whole numbers, as the solvers DPM-Solver and UniPC take them. */
    static NoiseLevels discrete(SchedulerConfig config, NoiseSchedule noise, int steps) {
        double[] trained = noise.sigmas();
        double[] times = solverTimes(config, noise.times(), steps);
        double[] sigmas = new double[steps];
        SigmaSchedule schedule = config.sigmaSchedule();
        if (config.flag("use_lu_lambdas", false)) {
            double[] lambdas =
                    NoiseSchedule.linspace(-Math.log(trained[trained.length - 1]), -Math.log(trained[0]), steps);
            Arrays.setAll(sigmas, i -> Math.exp(-lambdas[i])); // evenly in log signal-to-noise (Lu et al. 2022)
            Arrays.setAll(times, i -> Math.rint(timeOf(trained, sigmas[i])));
        } else if (schedule == SigmaSchedule.DISCRETE) {
            Arrays.setAll(sigmas, i -> interpolated(trained, times[i]));
        } else {
            double[] levels = schedule.levels(
                    config.real("sigma_max", trained[trained.length - 1]), config.real("sigma_min", trained[0]), steps);
            System.arraycopy(levels, 0, sigmas, 0, steps);
            boolean rounds = schedule == SigmaSchedule.KARRAS;
            Arrays.setAll(times, i -> whole(timeOf(trained, sigmas[i]), rounds));
        }
        return new NoiseLevels(closed(sigmas, config.endsAtSmallestSigma() ? trained[0] : 0), times);
    }

    /** Number of steps: of times, and of levels but the last. */
    int steps() {
        return times.length;
    }

    /** Level i, 0 … steps. */
    double sigma(int i) {
        return sigmas[i];
    }

    /** Time i, 0 … steps - 1. */
    double time(int i) {
        return times[i];
    }

    /** These levels and times without the first {@code skipped}. */
    NoiseLevels from(int skipped) {
        return new NoiseLevels(
                Arrays.copyOfRange(sigmas, skipped, sigmas.length), Arrays.copyOfRange(times, skipped, times.length));
    }

    /** What noise is multiplied by to become the first sample of a sampler whose samples are picture + σ · noise. */
    double initialScale(Spacing spacing) {
        double largest = Arrays.stream(sigmas).max().orElseThrow();
        return spacing == Spacing.LEADING ? Math.sqrt(largest * largest + 1) : largest;
    }

    /** 1 / √(σ² + 1) at level i: how much of the picture is in a sample of unit variance. */
    double signalRate(int i) {
        return 1 / Math.sqrt(sigmas[i] * sigmas[i] + 1);
    }

    /** σ / √(σ² + 1) at level i: how much noise is in it. */
    double noiseRate(int i) {
        return sigmas[i] * signalRate(i);
    }

    /** ln(signal rate / noise rate) at level i; infinite where there is no noise. */
    double lambda(int i) {
        return -Math.log(sigmas[i]);
    }

    private static double whole(double time, boolean rounds) {
        return rounds ? Math.rint(time) : Math.floor(time);
    }

    /** One time more than needed is spaced out, and the smallest left away. */
    private static double[] solverTimes(SchedulerConfig config, int trained, int steps) {
        double[] times = config.spacing() == Spacing.TRAILING
                ? Spacing.TRAILING.times(trained, steps, 0)
                : config.spacing().times(trained, steps + 1, config.offset());
        double[] used = new double[steps];
        Arrays.setAll(used, i -> Math.rint(times[i]));
        return used;
    }

    private static double[] closed(double[] sigmas, double last) {
        double[] closed = Arrays.copyOf(sigmas, sigmas.length + 1);
        closed[sigmas.length] = last;
        return closed;
    }

    /** The value of {@code table} at a fractional index. */
    private static double interpolated(double[] table, double index) {
        double held = Math.max(0, Math.min(table.length - 1, index));
        int low = Math.min((int) held, table.length - 2);
        return table[low] + (held - low) * (table[low + 1] - table[low]);
    }

    /** The fractional time whose σ this is, by interpolation in log σ. */
    private static double timeOf(double[] trained, double sigma) {
        double log = Math.log(Math.max(sigma, 1e-10));
        int low = 0;
        for (int t = 0; t < trained.length; t++) {
            if (Math.log(trained[t]) <= log) {
                low = t;
            }
        }
        low = Math.min(low, trained.length - 2);
        double from = Math.log(trained[low]);
        double share = (from - log) / (from - Math.log(trained[low + 1]));
        double held = Math.max(0, Math.min(1, share));
        return (1 - held) * low + held * (low + 1);
    }
}
