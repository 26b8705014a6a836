package dev.darkroom.sampling;

import static dev.darkroom.sampling.SamplingPlan.OUTPUT;
import static dev.darkroom.sampling.SamplingPlan.SAMPLE;

/** Euler's method to a lower noise level than wanted, with fresh noise for the difference. */
final class EulerAncestralSampler implements Sampler {
    @Override
    public SamplingPlan plan(SchedulerConfig config, int steps, int skipped, double eta) {
        NoiseLevels all = NoiseLevels.continuous(config, config.noise(), steps);
        NoiseLevels levels = all.from(skipped);
        SamplingPlan.Builder plan = new SamplingPlan.Builder();
        for (int i = 0; i < levels.steps(); i++) {
            double from = levels.sigma(i);
            double to = levels.sigma(i + 1);
            double up = Math.sqrt(to * to * (from * from - to * to) / (from * from));
            double down = Math.sqrt(to * to - up * up);
            plan.call(levels.time(i), 1 / Math.sqrt(from * from + 1));
            LinearForm x = LinearForm.of(SAMPLE);
            LinearForm picture = config.prediction().pictureAt(x, LinearForm.of(OUTPUT), from);
            LinearForm slope = x.minus(picture).times(1 / from);
            plan.end(x.plus(slope.times(down - from)).plus(plan.noise().times(up)));
        }
        return plan.build(all.initialScale(config.spacing()), levels.mixture(0));
    }
}
