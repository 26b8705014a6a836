package dev.darkroom.sampling;

import static dev.darkroom.sampling.SamplingPlan.HISTORY;
import static dev.darkroom.sampling.SamplingPlan.OUTPUT;
import static dev.darkroom.sampling.SamplingPlan.SAMPLE;

/**
 * Linear multistep: the slope is continued by a polynomial through the last four slopes (Adams and Bashforth, with
 * uneven steps).
 *
 * <p>A start in the middle begins at order 1, as k-diffusion does. diffusers takes the order of the step's index there,
 * without having the slopes that it needs, so that its first three samples differ.
 */
final class LmsSampler implements Sampler {
    private static final int ORDER = 4;

    @Override
    public SamplingPlan plan(SchedulerConfig config, int steps, int skipped) {
        NoiseLevels all = NoiseLevels.continuous(config, config.noise(), steps);
        NoiseLevels levels = all.from(skipped);
        SamplingPlan.Builder plan = new SamplingPlan.Builder();
        LinearForm x = LinearForm.of(SAMPLE);
        for (int i = 0; i < levels.steps(); i++) {
            double sigma = levels.sigma(i);
            plan.call(levels.time(i), levels.signalRate(i));
            for (int age = Math.min(i, ORDER - 1); age > 0; age--) {
                plan.let(HISTORY + age, LinearForm.of(HISTORY + age - 1));
            }
            LinearForm picture = config.prediction().pictureAt(x, LinearForm.of(OUTPUT), sigma);
            plan.let(HISTORY, x.minus(picture).times(1 / sigma));
            LinearForm next = x;
            int order = Math.min(i + 1, ORDER);
            for (int age = 0; age < order; age++) {
                next = next.plus(LinearForm.of(HISTORY + age).times(weight(levels, i, age, order)));
            }
            plan.end(next);
        }
        return plan.build(all.initialScale(config), levels.mixture(0));
    }

    /** The integral over step i of the polynomial that is 1 at the level {@code age} steps ago and 0 at the others. */
    private static double weight(NoiseLevels levels, int i, int age, int order) {
        double half = (levels.sigma(i + 1) - levels.sigma(i)) / 2;
        double middle = levels.sigma(i) + half;
        double offset = half / Math.sqrt(3); // Gauss's two points: exact for cubic polynomials
        return half * (basis(levels, i, age, order, middle - offset) + basis(levels, i, age, order, middle + offset));
    }

    private static double basis(NoiseLevels levels, int i, int age, int order, double sigma) {
        double product = 1;
        for (int k = 0; k < order; k++) {
            if (k != age) {
                product *= (sigma - levels.sigma(i - k)) / (levels.sigma(i - age) - levels.sigma(i - k));
            }
        }
        return product;
    }
}
