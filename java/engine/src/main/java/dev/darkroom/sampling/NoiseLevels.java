package dev.darkroom.sampling;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

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
        if (config.asked().isPresent()) {
            return asked(config.asked().get(), config, trained, steps);
        }
        double[] times = config.spacing().times(noise.times(), steps, config.offset());
        double[] sigmas = visited(config, trained, times);
        SigmaSchedule schedule = config.sigmaSchedule();
        if (schedule != SigmaSchedule.DISCRETE) {
            sigmas = schedule.levels(
                    config.real("sigma_max", sigmas[0]), config.real("sigma_min", sigmas[sigmas.length - 1]), steps);
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
        return new NoiseLevels(closed(sigmas, config.endsAtSmallestSigma() ? trained[0] : 0), times);
    }

    /** The levels of the times, or levels evenly in log σ, one more than times: the last is where the last step ends. */
    private static double[] visited(SchedulerConfig config, double[] trained, double[] times) {
        if (config.choice("interpolation_type", "linear", "log_linear").equals("linear")) {
            return Arrays.stream(times).map(time -> interpolated(trained, time)).toArray();
        }
        double[] logarithms =
                NoiseSchedule.linspace(Math.log(trained[trained.length - 1]), Math.log(trained[0]), times.length + 1);
        return Arrays.stream(logarithms).map(Math::exp).toArray();
    }

    /** With times in whole numbers, as the solvers DPM-Solver, UniPC and DEIS take them. */
    static NoiseLevels discrete(SchedulerConfig config, NoiseSchedule noise, int steps) {
        double[] trained = noise.sigmas();
        if (config.asked().isPresent()) {
            return asked(config.asked().get(), config, trained, steps);
        }
        double largest = config.real("sigma_max", trained[trained.length - 1]);
        double smallest = config.real("sigma_min", trained[0]);
        SigmaSchedule schedule = config.sigmaSchedule();
        // Evenly in the logarithm of signal to noise (Lu et al. 2022) are the levels of the exponential schedule, but
        // not its times.
        boolean lu = config.flag("use_lu_lambdas", false) && schedule != SigmaSchedule.KARRAS;
        if (schedule == SigmaSchedule.DISCRETE && !lu) {
            double[] times = solverTimes(config, trained, steps);
            double[] sigmas = Arrays.stream(times)
                    .map(time -> interpolated(trained, time))
                    .toArray();
            return new NoiseLevels(closed(sigmas, config.endsAtSmallestSigma() ? trained[0] : 0), times);
        }
        double[] sigmas = (lu ? SigmaSchedule.EXPONENTIAL : schedule).levels(largest, smallest, steps);
        boolean rounds = (lu || schedule == SigmaSchedule.KARRAS) && roundsTimes(config);
        double[] times = Arrays.stream(sigmas)
                .map(sigma -> whole(timeOf(trained, sigma), rounds))
                .toArray();
        return new NoiseLevels(closed(sigmas, config.endsAtSmallestSigma() ? smallest : 0), times);
    }

    /**
     * A schedule that was asked for by name, as AUTOMATIC1111 builds it: over all trained levels, with times that may be fractions. Samplers that take
     * a step of several calls to the last level but one leave that level out.
     */
    private static NoiseLevels asked(SigmaSchedule schedule, SchedulerConfig config, double[] trained, int steps) {
        double[] sigmas;
        if (config.kind().leavesOutLevelBeforeLast()) {
            sigmas = schedule.closedLevels(trained, steps + 1);
            sigmas[steps] = sigmas[steps + 1];
            sigmas = Arrays.copyOf(sigmas, steps + 1);
        } else {
            sigmas = schedule.closedLevels(trained, steps);
        }
        double[] times = new double[steps];
        for (int i = 0; i < steps; i++) {
            times[i] = timeOf(trained, sigmas[i]);
        }
        if (config.endsAtSmallestSigma()) {
            sigmas[steps] = trained[0];
        }
        return new NoiseLevels(sigmas, times);
    }

    /** Levels of a model that was trained for all levels of a range, in the way of Karras et al. 2022: the time is ln(σ) / 4. */
    static NoiseLevels ofRange(SchedulerConfig config, int steps) {
        boolean karras =
                config.choice("sigma_schedule", "karras", "exponential").equals("karras");
        double smallest = config.real("sigma_min", 0.002);
        double[] sigmas = (karras ? SigmaSchedule.KARRAS : SigmaSchedule.EXPONENTIAL)
                .levels(config.real("sigma_max", 80), smallest, steps);
        double[] times =
                Arrays.stream(sigmas).map(sigma -> 0.25 * Math.log(sigma)).toArray();
        return new NoiseLevels(closed(sigmas, config.endsAtSmallestSigma() ? smallest : 0), times);
    }

    /** Times of cosine schedules are truncated by DPM-Solver's class. */
    private static boolean roundsTimes(SchedulerConfig config) {
        return config.kind().schedulerClass() != SchedulerClass.DPM_SOLVER
                || config.betas() != NoiseSchedule.Betas.SQUAREDCOS_CAP_V2;
    }

    /** Number of steps: of times. */
    int steps() {
        return times.length;
    }

    /** Number of levels but the last. */
    int intervals() {
        return sigmas.length - 1;
    }

    /** Level i, 0 … intervals. */
    double sigma(int i) {
        return sigmas[i];
    }

    /** Whether the step from level i ends where it begins, as the last one may. */
    boolean isEmpty(int i) {
        return sigmas[i] == sigmas[i + 1];
    }

    /** Time i, 0 … steps - 1. */
    double time(int i) {
        return times[i];
    }

    /** What the noise for the step from level i is the increment of; null where it ends without noise. */
    SamplingPlan.@Nullable Interval increment(int i) {
        return sigmas[i + 1] == 0 ? null : increment(sigmas[i], sigmas[i + 1]);
    }

    /** The same for a step between other levels. */
    SamplingPlan.Interval increment(double from, double to) {
        return new SamplingPlan.Interval(from, to, smallest(), largest());
    }

    /** These levels and times without the first {@code skipped}. */
    NoiseLevels from(int skipped) {
        return new NoiseLevels(
                Arrays.copyOfRange(sigmas, skipped, sigmas.length), Arrays.copyOfRange(times, skipped, times.length));
    }

    /** What noise is multiplied by to become the first sample of a sampler whose samples are picture + σ · noise. */
    double initialScale(SchedulerConfig config) {
        double largest = largest();
        return config.asked().isEmpty() && config.spacing() == Spacing.LEADING
                ? Math.sqrt(largest * largest + 1)
                : largest;
    }

    /**
     * What noise is multiplied by to become the first sample of a sampler whose samples are of unit variance: 1 in diffusers, and where the schedule was
     * asked for by name what makes the sample AUTOMATIC1111's.
     */
    double unitInitialScale(SchedulerConfig config) {
        return config.asked().isPresent() ? noiseRate(0) : 1;
    }

    double largest() {
        return Arrays.stream(sigmas).max().orElseThrow();
    }

    /** The smallest level above 0. */
    double smallest() {
        return Arrays.stream(sigmas).filter(sigma -> sigma > 0).min().orElseThrow();
    }

    /** What a sample of the form picture + σ · noise is made of at level i. */
    SamplingPlan.Mixture mixture(int i) {
        return new SamplingPlan.Mixture(1, sigmas[i]);
    }

    /** What a sample of unit variance is made of at level i. */
    SamplingPlan.Mixture unitMixture(int i) {
        return new SamplingPlan.Mixture(signalRate(i), noiseRate(i));
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

    /** One time more than needed is spaced out, and the smallest left away; lambda_min_clipped leaves out times of almost pure noise. */
    private static double[] solverTimes(SchedulerConfig config, double[] trained, int steps) {
        double least = config.real("lambda_min_clipped", Double.NEGATIVE_INFINITY);
        int span = (int) Arrays.stream(trained)
                .filter(sigma -> -Math.log(sigma) >= least)
                .count();
        if (config.spacing() == Spacing.TRAILING && span < trained.length) {
            throw config.fail("lambda_min_clipped", "goes with timestep_spacing linspace or leading only");
        }
        double[] times = config.spacing() == Spacing.TRAILING
                ? Spacing.TRAILING.times(span, steps, 0)
                : config.spacing().times(span, steps + 1, config.offset());
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

    /** The σ of a fractional time, by interpolation in log σ: the inverse of {@link #timeOf}. */
    static double sigmaOf(double[] trained, double time) {
        int low = Math.min((int) time, trained.length - 2);
        double share = time - low;
        return Math.exp((1 - share) * Math.log(trained[low]) + share * Math.log(trained[low + 1]));
    }

    /** The fractional time whose σ this is, by interpolation in log σ. */
    static double timeOf(double[] trained, double sigma) {
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
