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
    public SamplingPlan plan(SchedulerConfig config, int steps, int skipped, double eta) {
        NoiseSchedule noise = config.noise();
        NoiseLevels all = NoiseLevels.continuous(config, noise, steps);
        NoiseLevels levels = all.from(skipped);
        boolean rounds = config.sigmaSchedule() == SigmaSchedule.KARRAS; // as diffusers does, but not the times halfway
        SamplingPlan.Builder plan = new SamplingPlan.Builder();
        LinearForm x = LinearForm.of(SAMPLE);
        LinearForm output = LinearForm.of(OUTPUT);
        for (int i = 0; i < levels.steps(); i++) {
            double sigma = levels.sigma(i);
            double next = levels.sigma(i + 1);
            double up = ancestral ? next * Math.sqrt(1 - next * next / (sigma * sigma)) : 0;
            double down = Math.sqrt(next * next - up * up);
            double middle = Math.sqrt(sigma * down);
            plan.call(rounds ? Math.rint(levels.time(i)) : levels.time(i), 1 / Math.sqrt(sigma * sigma + 1));
            LinearForm slope =
                    x.minus(config.prediction().pictureAt(x, output, sigma)).times(1 / sigma);
            LinearForm start = plan.let(HISTORY, x);
            plan.end(start.plus(slope.times(middle - sigma)), next == 0);
            if (next > 0) {
                plan.call(NoiseLevels.timeOf(noise.sigmas(), middle), 1 / Math.sqrt(middle * middle + 1));
                LinearForm slopeHalfway = x.minus(config.prediction().pictureAt(x, output, middle))
                        .times(1 / middle);
                LinearForm end = start.plus(slopeHalfway.times(down - sigma));
                plan.end(ancestral ? end.plus(plan.noise().times(up)) : end);
            }
        }
        return plan.build(all.initialScale(config.spacing()), levels.mixture(0));
    }
}
