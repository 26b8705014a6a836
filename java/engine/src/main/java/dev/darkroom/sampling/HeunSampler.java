package dev.darkroom.sampling;

import static dev.darkroom.sampling.SamplingPlan.HISTORY;
import static dev.darkroom.sampling.SamplingPlan.OUTPUT;
import static dev.darkroom.sampling.SamplingPlan.SAMPLE;

import org.jspecify.annotations.Nullable;

/** Heun's method: an Euler step, then the same step with the mean of the slopes at both ends (Karras et al. 2022, algorithm 2). */
final class HeunSampler implements Sampler {
    private static final int START = HISTORY; // the sample before the Euler step
    private static final int SLOPE = HISTORY + 1; // the slope there
    private static final int PICTURE = HISTORY + 2; // where it is bounded

    @Override
    public SamplingPlan plan(SchedulerConfig config, int steps, int skipped) {
        NoiseSchedule noise = config.noise();
        NoiseLevels all = NoiseLevels.continuous(config, noise, steps);
        NoiseLevels levels = all.from(skipped);
        Churn churn = new Churn(config, levels, all.intervals());
        SamplingPlan.Builder plan = new SamplingPlan.Builder();
        for (int i = 0; i < levels.steps(); i++) {
            int following = i + 1;
            LevelChange change = new LevelChange(
                    churn.sigma(i),
                    churn.time(i, levels, noise.sigmas()),
                    levels.sigma(i + 1),
                    i + 1 < levels.steps()
                            ? levels.time(i + 1)
                            : NoiseLevels.timeOf(noise.sigmas(), levels.sigma(i + 1)));
            step(plan, config, change, sample -> churn.before(following, sample, plan));
        }
        return churn.build(plan, all.initialScale(config), levels.mixture(0));
    }

    /** Two noise levels and their times. */
    record LevelChange(double from, double timeFrom, double to, double timeTo) {}

    /** What is made of the sample at the end of a step. */
    @FunctionalInterface
    interface End {
        LinearForm of(LinearForm sample);
    }

    /** One step: two calls, or one where it ends without noise. */
    static void step(SamplingPlan.Builder plan, SchedulerConfig config, LevelChange change, End end) {
        SamplingPlan.@Nullable Bound bound = config.bound(false);
        LinearForm x = LinearForm.of(SAMPLE);
        LinearForm output = LinearForm.of(OUTPUT);
        double sigma = change.from();
        double next = change.to();
        plan.call(change.timeFrom(), 1 / Math.sqrt(sigma * sigma + 1));
        LinearForm picture = plan.bounded(PICTURE, config.prediction().pictureAt(x, output, sigma), bound);
        LinearForm slope = plan.let(SLOPE, x.minus(picture).times(1 / sigma));
        LinearForm start = plan.let(START, x);
        LinearForm euler = start.plus(slope.times(next - sigma));
        plan.end(next == 0 ? end.of(euler) : euler, next == 0);
        if (next > 0) {
            plan.call(change.timeTo(), 1 / Math.sqrt(next * next + 1));
            LinearForm ahead = plan.bounded(PICTURE, config.prediction().pictureAt(x, output, next), bound);
            LinearForm slopeAhead = x.minus(ahead).times(1 / next);
            plan.end(end.of(start.plus(slope.plus(slopeAhead).times((next - sigma) / 2))));
        }
    }
}
