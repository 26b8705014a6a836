package dev.darkroom.sampling;

import static dev.darkroom.sampling.SamplingPlan.HISTORY;
import static dev.darkroom.sampling.SamplingPlan.OUTPUT;
import static dev.darkroom.sampling.SamplingPlan.SAMPLE;

/**
 * The second-order DPM-Solver (Lu et al. 2022, algorithm 1): the slope halfway, in log σ, carries the whole step. Its
 * ancestral form steps to a lower level than wanted and adds fresh noise for the difference.
 */
final class Dpm2Sampler implements Sampler {
    private final boolean ancestral;

    Dpm2Sampler(boolean ancestral) {
        this.ancestral = ancestral;
    }

    @Override
    public SamplingPlan plan(SchedulerConfig config, int steps, int skipped) {
        double[] trained = config.noise().sigmas();
        NoiseLevels all = NoiseLevels.continuous(config, config.noise(), steps);
        NoiseLevels levels = all.from(skipped);
        // Karras's times are rounded as diffusers does, but not the times halfway.
        boolean rounds = config.asked().isEmpty() && config.sigmaSchedule() == SigmaSchedule.KARRAS;
        Churn churn = new Churn(config, levels, all.intervals());
        SamplingPlan.Builder plan = new SamplingPlan.Builder();
        LinearForm x = LinearForm.of(SAMPLE);
        LinearForm output = LinearForm.of(OUTPUT);
        for (int i = 0; i < levels.steps(); i++) {
            double sigma = churn.sigma(i);
            double next = levels.sigma(i + 1);
            AncestralStep step = AncestralStep.of(sigma, next, ancestral ? config.real("eta", 1) : 0);
            double middle = Math.sqrt(sigma * step.down());
            double time = churn.time(i, levels, trained);
            plan.call(rounds ? Math.rint(time) : time, 1 / Math.sqrt(sigma * sigma + 1));
            LinearForm slope =
                    x.minus(config.prediction().pictureAt(x, output, sigma)).times(1 / sigma);
            LinearForm start = plan.let(HISTORY, x);
            plan.end(start.plus(slope.times(middle - sigma)), next == 0);
            if (next > 0) {
                plan.call(NoiseLevels.timeOf(trained, middle), 1 / Math.sqrt(middle * middle + 1));
                LinearForm slopeHalfway = x.minus(config.prediction().pictureAt(x, output, middle))
                        .times(1 / middle);
                LinearForm end = start.plus(slopeHalfway.times(step.down() - sigma));
                plan.end(
                        ancestral
                                ? end.plus(plan.noise().times(step.up() * config.real("s_noise", 1)))
                                : churn.before(i + 1, end, plan));
            }
        }
        return churn.build(plan, all.initialScale(config), levels.mixture(0));
    }
}
