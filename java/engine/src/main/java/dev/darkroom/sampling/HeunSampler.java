package dev.darkroom.sampling;

import static dev.darkroom.sampling.SamplingPlan.HISTORY;
import static dev.darkroom.sampling.SamplingPlan.OUTPUT;
import static dev.darkroom.sampling.SamplingPlan.SAMPLE;

import org.jspecify.annotations.Nullable;

/** Heun's method: an Euler step, then the same step with the mean of the slopes at both ends (Karras et al. 2022, algorithm 1). */
final class HeunSampler implements Sampler {
    private static final int START = HISTORY; // the sample before the Euler step
    private static final int SLOPE = HISTORY + 1; // the slope there

    @Override
    public SamplingPlan plan(SchedulerConfig config, int steps, int skipped, double eta) {
        NoiseLevels all = NoiseLevels.continuous(config, config.noise(), steps);
        NoiseLevels levels = all.from(skipped);
        SamplingPlan.@Nullable Bound bound = config.bound(false);
        SamplingPlan.Builder plan = new SamplingPlan.Builder();
        LinearForm x = LinearForm.of(SAMPLE);
        LinearForm output = LinearForm.of(OUTPUT);
        for (int i = 0; i < levels.steps(); i++) {
            double sigma = levels.sigma(i);
            double next = levels.sigma(i + 1);
            plan.call(levels.time(i), 1 / Math.sqrt(sigma * sigma + 1));
            LinearForm picture = plan.bounded(HISTORY + 2, config.prediction().pictureAt(x, output, sigma), bound);
            LinearForm slope = plan.let(SLOPE, x.minus(picture).times(1 / sigma));
            LinearForm start = plan.let(START, x);
            plan.end(start.plus(slope.times(next - sigma)), next == 0);
            if (next > 0) {
                plan.call(levels.time(i + 1), 1 / Math.sqrt(next * next + 1));
                LinearForm ahead = plan.bounded(HISTORY + 2, config.prediction().pictureAt(x, output, next), bound);
                LinearForm slopeAhead = x.minus(ahead).times(1 / next);
                plan.end(start.plus(slope.plus(slopeAhead).times((next - sigma) / 2)));
            }
        }
        return plan.build(all.initialScale(config.spacing()), levels.mixture(0));
    }
}
