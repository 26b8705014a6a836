package dev.darkroom.sampling;

import static dev.darkroom.sampling.SamplingPlan.OUTPUT;
import static dev.darkroom.sampling.SamplingPlan.SAMPLE;

/** Euler's method to a lower noise level than wanted, with fresh noise for the difference. */
final class EulerAncestralSampler implements Sampler {
    @Override
    public SamplingPlan plan(SchedulerConfig config, int steps, int skipped) {
        NoiseLevels all = NoiseLevels.continuous(config, config.noise(), steps);
        NoiseLevels levels = all.from(skipped);
        SamplingPlan.Builder plan = new SamplingPlan.Builder();
        for (int i = 0; i < levels.steps(); i++) {
            double from = levels.sigma(i);
            AncestralStep step = AncestralStep.of(from, levels.sigma(i + 1), config.real("eta", 1));
            plan.call(levels.time(i), 1 / Math.sqrt(from * from + 1));
            LinearForm x = LinearForm.of(SAMPLE);
            LinearForm picture = config.prediction().pictureAt(x, LinearForm.of(OUTPUT), from);
            LinearForm slope = x.minus(picture).times(1 / from);
            LinearForm noise = plan.noise().times(step.up() * config.real("s_noise", 1));
            plan.end(x.plus(slope.times(step.down() - from)).plus(noise));
        }
        return plan.build(all.initialScale(config), levels.mixture(0));
    }
}
