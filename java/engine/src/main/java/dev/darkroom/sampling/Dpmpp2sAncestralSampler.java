package dev.darkroom.sampling;

import static dev.darkroom.sampling.SamplingPlan.HISTORY;
import static dev.darkroom.sampling.SamplingPlan.OUTPUT;
import static dev.darkroom.sampling.SamplingPlan.SAMPLE;

/**
 * DPM-Solver++(2S) (Lu et al. 2022b, algorithm 1) with ancestral sampling (k-diffusion): the picture predicted halfway, in log σ, carries the step to a
 * lower level than wanted, and fresh noise makes up the difference.
 */
final class Dpmpp2sAncestralSampler implements Sampler {
    @Override
    public SamplingPlan plan(SchedulerConfig config, int steps, int skipped) {
        double[] trained = config.noise().sigmas();
        NoiseLevels all = NoiseLevels.continuous(config, config.noise(), steps);
        NoiseLevels levels = all.from(skipped);
        SamplingPlan.Builder plan = new SamplingPlan.Builder();
        LinearForm x = LinearForm.of(SAMPLE);
        LinearForm output = LinearForm.of(OUTPUT);
        for (int i = 0; i < levels.steps(); i++) {
            double sigma = levels.sigma(i);
            AncestralStep step = AncestralStep.of(sigma, levels.sigma(i + 1), config.real("eta", 1));
            plan.call(levels.time(i), levels.signalRate(i));
            LinearForm picture = config.prediction().pictureAt(x, output, sigma);
            double noise = step.up() * config.real("s_noise", 1);
            if (step.down() == 0) {
                plan.end(picture.plus(plan.noise().times(noise)));
                continue;
            }
            double middle = Math.sqrt(sigma * step.down());
            LinearForm start = plan.let(HISTORY, x);
            plan.end(DpmppSdeSampler.towards(start, picture, sigma, middle), false);

            plan.call(NoiseLevels.timeOf(trained, middle), 1 / Math.sqrt(middle * middle + 1));
            LinearForm pictureHalfway = config.prediction().pictureAt(x, output, middle);
            LinearForm end = DpmppSdeSampler.towards(start, pictureHalfway, sigma, step.down());
            plan.end(end.plus(plan.noise().times(noise)));
        }
        return plan.build(all.initialScale(config), levels.mixture(0));
    }
}
