package dev.darkroom.sampling;

/** DPM-Solver with steps as long as its error allows: see {@link AdaptiveSolver}. The number of steps says only what is predicted and where to begin. */
final class DpmAdaptiveSampler implements Sampler {
    @Override
    public SamplingPlan plan(SchedulerConfig config, int steps, int skipped) {
        double[] trained = config.noise().sigmas();
        double from = SigmaSchedule.SGM_UNIFORM.closedLevels(trained, steps)[skipped];
        return new AdaptiveSolver(config, trained, from).nominal(steps - skipped);
    }
}
