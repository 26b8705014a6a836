package dev.darkroom.sampling;

/**
 * Noise added before a step, which then starts from a higher level (Karras et al. 2022, algorithm 2). The noise for a step is added at the end of the
 * one before; that of the first is part of the noise that sampling starts from, which has the same distribution.
 */
final class Churn {
    private final double[] raised;
    private final double[] added;

    /** @param intervals of the whole schedule, over which s_churn is spread */
    Churn(SchedulerConfig config, NoiseLevels levels, int intervals) {
        double share = Math.min(config.real("s_churn", 0) / intervals, Math.sqrt(2) - 1);
        raised = new double[levels.steps()];
        added = new double[levels.steps() + 1];
        for (int i = 0; i < levels.steps(); i++) {
            double sigma = levels.sigma(i);
            boolean churns =
                    sigma >= config.real("s_tmin", 0) && sigma <= config.real("s_tmax", Double.POSITIVE_INFINITY);
            raised[i] = churns ? sigma * (1 + share) : sigma;
            added[i] = Math.sqrt(raised[i] * raised[i] - sigma * sigma) * config.real("s_noise", 1);
        }
    }

    /** The level that step i starts from. */
    double sigma(int i) {
        return raised[i];
    }

    /** The time of that level. */
    double time(int i, NoiseLevels levels, double[] trained) {
        return raised[i] == levels.sigma(i) ? levels.time(i) : NoiseLevels.timeOf(trained, raised[i]);
    }

    /** The sample that step {@code i} starts from, made of the one that the step before ends with. */
    LinearForm before(int i, LinearForm sample, SamplingPlan.Builder plan) {
        return added[i] > 0 ? sample.plus(plan.noise().times(added[i])) : sample;
    }

    /** A plan whose first noise has that of the first step in it. */
    SamplingPlan build(SamplingPlan.Builder plan, double initialScale, SamplingPlan.Mixture start) {
        return plan.build(
                Math.hypot(initialScale, added[0]),
                new SamplingPlan.Mixture(start.signal(), Math.hypot(start.noise(), added[0])));
    }
}
