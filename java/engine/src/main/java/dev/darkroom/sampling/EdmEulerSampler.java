package dev.darkroom.sampling;

import static dev.darkroom.sampling.SamplingPlan.OUTPUT;
import static dev.darkroom.sampling.SamplingPlan.SAMPLE;

/** Euler's method for networks that were trained as Karras et al. 2022 have it. */
final class EdmEulerSampler implements Sampler {
    @Override
    public SamplingPlan plan(SchedulerConfig config, int steps, int skipped) {
        NoiseLevels levels = NoiseLevels.ofRange(config, steps);
        SamplingPlan.Builder plan = new SamplingPlan.Builder();
        LinearForm x = LinearForm.of(SAMPLE);
        for (int i = skipped; i < steps; i++) {
            double sigma = levels.sigma(i);
            plan.call(levels.time(i), Scaling.EDM.input(levels, i));
            LinearForm picture = Scaling.EDM.picture(config.prediction(), x, LinearForm.of(OUTPUT), levels, i);
            LinearForm slope = x.minus(picture).times(1 / sigma);
            plan.end(x.plus(slope.times(levels.sigma(i + 1) - sigma)));
        }
        return plan.build(Scaling.EDM.initialScale(config, levels), levels.mixture(skipped));
    }
}
