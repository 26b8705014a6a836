package dev.darkroom.sampling;

import static dev.darkroom.sampling.SamplingPlan.OUTPUT;
import static dev.darkroom.sampling.SamplingPlan.SAMPLE;
import static dev.darkroom.sampling.SamplingPlan.UNGUIDED;

/**
 * Euler's method under CFG++ (Chung et al. 2024, algorithm 2): the guided prediction of the picture is given noise again along the slope of the
 * prediction without the prompt.
 */
final class EulerCfgPlusPlusSampler implements Sampler {
    /** The guidance scale that is the paper's λ = 1, so that the usual scales of guidance lead to its λ between 0 and 1 (as AUTOMATIC1111 has it). */
    private static final double FULL_GUIDANCE = 12.5;

    @Override
    public SamplingPlan plan(SchedulerConfig config, int steps, int skipped) {
        NoiseLevels all = NoiseLevels.continuous(config, config.noise(), steps);
        NoiseLevels levels = all.from(skipped);
        SamplingPlan.Builder plan = new SamplingPlan.Builder();
        LinearForm x = LinearForm.of(SAMPLE);
        for (int i = 0; i < levels.steps(); i++) {
            double sigma = levels.sigma(i);
            plan.call(levels.time(i), levels.signalRate(i));
            LinearForm picture = config.prediction().pictureAt(x, guided(), sigma);
            LinearForm unguided = config.prediction().pictureAt(x, LinearForm.of(UNGUIDED), sigma);
            LinearForm slope = x.minus(unguided).times(1 / sigma);
            plan.end(picture.plus(slope.times(levels.sigma(i + 1))));
        }
        return plan.build(all.initialScale(config), levels.mixture(0));
    }

    /** u + λ (c - u), λ = scale / 12.5, where the output is u + scale (c - u). */
    static LinearForm guided() {
        LinearForm unguided = LinearForm.of(UNGUIDED);
        return unguided.plus(LinearForm.of(OUTPUT).minus(unguided).times(1 / FULL_GUIDANCE));
    }
}
