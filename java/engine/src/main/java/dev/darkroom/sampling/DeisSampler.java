package dev.darkroom.sampling;

import static dev.darkroom.sampling.SamplingPlan.HISTORY;
import static dev.darkroom.sampling.SamplingPlan.OUTPUT;
import static dev.darkroom.sampling.SamplingPlan.SAMPLE;

import org.jspecify.annotations.Nullable;

/**
 * Diffusion exponential integrator, multistep, with the noise continued by a polynomial in log ρ, ρ = noise / signal
 * (Zhang and Chen 2023, eq. 15).
 */
final class DeisSampler implements Sampler {
    private static final int FEW_STEPS = 15; // below this many, the last steps are of lower order

    @Override
    public SamplingPlan plan(SchedulerConfig config, int steps, int skipped) {
        NoiseLevels levels = NoiseLevels.discrete(config, config.noise(), steps);
        config.choice("algorithm_type", "deis");
        SamplingPlan.@Nullable Bound bound = config.bound(false);
        SamplingPlan.Builder plan = new SamplingPlan.Builder();
        int maxOrder = config.integer("solver_order", 2);
        if (maxOrder < 1 || maxOrder > 3) {
            throw config.fail("solver_order", "must be 1, 2 or 3, is " + maxOrder);
        }
        boolean few = config.flag("lower_order_final", true) && steps < FEW_STEPS;
        LinearForm x = LinearForm.of(SAMPLE);
        for (int i = skipped; i < steps; i++) {
            plan.call(levels.time(i), 1);
            for (int age = Math.min(i - skipped, maxOrder - 1); age > 0; age--) {
                plan.let(HISTORY + age, LinearForm.of(HISTORY + age - 1));
            }
            plan.let(HISTORY, epsilon(plan, config.prediction(), levels, i, bound));
            int left = few ? steps - i : maxOrder;
            int order = Math.min(Math.min(maxOrder, left), i - skipped + 1);
            LinearForm integral = x.times(1 / levels.signalRate(i));
            for (int age = 0; age < order; age++) {
                integral = integral.plus(LinearForm.of(HISTORY + age).times(weight(levels, i, age, order)));
            }
            plan.end(integral.times(levels.signalRate(i + 1)));
        }
        return plan.build(levels.unitInitialScale(config), levels.unitMixture(skipped));
    }

    private static LinearForm epsilon(
            SamplingPlan.Builder plan,
            Prediction prediction,
            NoiseLevels levels,
            int i,
            SamplingPlan.@Nullable Bound bound) {
        double signal = levels.signalRate(i);
        double noise = levels.noiseRate(i);
        LinearForm x = LinearForm.of(SAMPLE);
        LinearForm output = LinearForm.of(OUTPUT);
        if (bound == null) {
            return prediction.noise(x, output, signal, noise);
        }
        LinearForm picture = plan.bounded(HISTORY, prediction.picture(x, output, signal, noise), bound);
        return x.minus(picture.times(signal)).times(1 / noise);
    }

    /** The integral over step i of the polynomial in log ρ that is 1 at the level {@code age} steps ago, else 0. */
    private static double weight(NoiseLevels levels, int i, int age, int order) {
        double[] polynomial = {1, 0, 0};
        double own = Math.log(levels.sigma(i - age));
        for (int k = 0; k < order; k++) {
            if (k != age) { // times (u - other) / (own - other)
                double other = Math.log(levels.sigma(i - k));
                for (int power = 2; power >= 0; power--) {
                    double below = power > 0 ? polynomial[power - 1] : 0;
                    polynomial[power] = (below - other * polynomial[power]) / (own - other);
                }
            }
        }
        return integral(polynomial, levels.sigma(i + 1)) - integral(polynomial, levels.sigma(i));
    }

    /** An antiderivative, with respect to ρ, of the polynomial in u = log ρ. */
    private static double integral(double[] polynomial, double rho) {
        double u = Math.log(rho);
        return rho * (polynomial[0] + polynomial[1] * (u - 1) + polynomial[2] * (u * u - 2 * u + 2));
    }
}
