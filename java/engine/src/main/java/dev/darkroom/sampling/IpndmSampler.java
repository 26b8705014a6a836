package dev.darkroom.sampling;

import static dev.darkroom.sampling.SamplingPlan.HISTORY;
import static dev.darkroom.sampling.SamplingPlan.OUTPUT;
import static dev.darkroom.sampling.SamplingPlan.SAMPLE;

/** Linear multistep with Adams and Bashforth's weights of even steps, of order 1 to 4 (Zhang and Chen 2023, iPNDM). */
final class IpndmSampler implements Sampler {
    private static final double[][] WEIGHTS = {
        {1}, {3.0 / 2, -1.0 / 2}, {23.0 / 12, -16.0 / 12, 5.0 / 12}, {55.0 / 24, -59.0 / 24, 37.0 / 24, -9.0 / 24}
    };

    @Override
    public SamplingPlan plan(SchedulerConfig config, int steps, int skipped) {
        NoiseLevels all = NoiseLevels.continuous(config, config.noise(), steps);
        NoiseLevels levels = all.from(skipped);
        SamplingPlan.Builder plan = new SamplingPlan.Builder();
        LinearForm x = LinearForm.of(SAMPLE);
        for (int i = 0; i < levels.steps(); i++) {
            double sigma = levels.sigma(i);
            double[] weights = WEIGHTS[Math.min(i, WEIGHTS.length - 1)];
            plan.call(levels.time(i), levels.signalRate(i));
            for (int age = weights.length - 1; age > 0; age--) {
                plan.let(HISTORY + age, LinearForm.of(HISTORY + age - 1));
            }
            LinearForm picture = config.prediction().pictureAt(x, LinearForm.of(OUTPUT), sigma);
            plan.let(HISTORY, x.minus(picture).times(1 / sigma));
            LinearForm next = x;
            for (int age = 0; age < weights.length; age++) {
                next = next.plus(LinearForm.of(HISTORY + age).times(weights[age] * (levels.sigma(i + 1) - sigma)));
            }
            plan.end(next);
        }
        return plan.build(all.initialScale(config), levels.mixture(0));
    }
}
