package dev.darkroom.sampling;

import static dev.darkroom.sampling.SamplingPlan.OUTPUT;
import static dev.darkroom.sampling.SamplingPlan.SAMPLE;

/** Euler's method on the probability flow, with optional churn (Karras et al. 2022, algorithm 2 without its correction). */
final class EulerSampler implements Sampler {
    @Override
    public SamplingPlan plan(SchedulerConfig config, int steps, int skipped, double eta) {
        NoiseLevels all = NoiseLevels.continuous(config, config.noise(), steps);
        NoiseLevels levels = all.from(skipped);
        double churn = config.real("s_churn", 0);
        SamplingPlan.Builder plan = new SamplingPlan.Builder();
        for (int i = 0; i < levels.steps(); i++) {
            double sigma = levels.sigma(i);
            boolean churns = churn > 0
                    && sigma >= config.real("s_tmin", 0)
                    && sigma <= config.real("s_tmax", Double.POSITIVE_INFINITY);
            double raised = churns ? sigma * (1 + Math.min(churn / all.intervals(), Math.sqrt(2) - 1)) : sigma;
            plan.call(levels.time(i), 1 / Math.sqrt(sigma * sigma + 1));
            LinearForm x = LinearForm.of(SAMPLE);
            if (churns) {
                double added = Math.sqrt(raised * raised - sigma * sigma) * config.real("s_noise", 1);
                x = x.plus(plan.noise().times(added));
            }
            // Velocities are read at the level before the churn, as diffusers does.
            double level = config.prediction() == Prediction.V_PREDICTION ? sigma : raised;
            LinearForm picture = config.prediction().pictureAt(x, LinearForm.of(OUTPUT), level);
            LinearForm slope = x.minus(picture).times(1 / raised);
            plan.end(x.plus(slope.times(levels.sigma(i + 1) - raised)));
        }
        return plan.build(all.initialScale(config.spacing()), levels.mixture(0));
    }
}
