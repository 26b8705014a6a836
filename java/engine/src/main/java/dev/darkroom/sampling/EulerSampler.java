package dev.darkroom.sampling;

import static dev.darkroom.sampling.SamplingPlan.OUTPUT;
import static dev.darkroom.sampling.SamplingPlan.SAMPLE;

/**
 * Euler's method on the probability flow, with optional churn (Karras et al. 2022, algorithm 2 without its correction).
 *
 * <p>Where the schedule was asked for by name the network sees the churned sample, as in the paper and in k-diffusion; otherwise the noise is added after
 * the network has seen the sample, as diffusers does.
 */
final class EulerSampler implements Sampler {
    @Override
    public SamplingPlan plan(SchedulerConfig config, int steps, int skipped) {
        NoiseSchedule noise = config.noise();
        NoiseLevels all = NoiseLevels.continuous(config, noise, steps);
        NoiseLevels levels = all.from(skipped);
        Churn churn = new Churn(config, levels, all.intervals());
        boolean churnsBefore = config.asked().isPresent();
        SamplingPlan.Builder plan = new SamplingPlan.Builder();
        for (int i = 0; i < levels.steps(); i++) {
            double sigma = churnsBefore ? churn.sigma(i) : levels.sigma(i);
            double time = churnsBefore ? churn.time(i, levels, noise.sigmas()) : levels.time(i);
            double raised = churn.sigma(i);
            plan.call(time, 1 / Math.sqrt(sigma * sigma + 1));
            LinearForm x = churnsBefore ? LinearForm.of(SAMPLE) : churn.before(i, LinearForm.of(SAMPLE), plan);
            // Velocities are read at the level before the churn, as diffusers does.
            double level = config.prediction() == Prediction.V_PREDICTION ? sigma : raised;
            LinearForm picture = config.prediction().pictureAt(x, LinearForm.of(OUTPUT), level);
            LinearForm slope = x.minus(picture).times(1 / raised);
            LinearForm end = x.plus(slope.times(levels.sigma(i + 1) - raised));
            plan.end(churnsBefore ? churn.before(i + 1, end, plan) : end);
        }
        double initial = all.initialScale(config);
        return churnsBefore ? churn.build(plan, initial, levels.mixture(0)) : plan.build(initial, levels.mixture(0));
    }
}
