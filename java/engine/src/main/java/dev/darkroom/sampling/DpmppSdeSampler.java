package dev.darkroom.sampling;

import static dev.darkroom.sampling.SamplingPlan.HISTORY;
import static dev.darkroom.sampling.SamplingPlan.OUTPUT;
import static dev.darkroom.sampling.SamplingPlan.SAMPLE;

/** The stochastic form of DPM-Solver++, of second order in single steps (Lu et al. 2022b; k-diffusion): a call at each level, and one halfway in log σ. */
final class DpmppSdeSampler implements Sampler {
    @Override
    public SamplingPlan plan(SchedulerConfig config, int steps, int skipped) {
        double[] trained = config.noise().sigmas();
        NoiseLevels all = NoiseLevels.continuous(config, config.noise(), steps);
        NoiseLevels levels = all.from(skipped);
        double eta = config.real("eta", 1);
        double factor = config.real("s_noise", 1);
        SamplingPlan.Builder plan = new SamplingPlan.Builder();
        LinearForm x = LinearForm.of(SAMPLE);
        LinearForm output = LinearForm.of(OUTPUT);
        for (int i = 0; i < levels.steps(); i++) {
            double sigma = levels.sigma(i);
            double next = levels.sigma(i + 1);
            plan.call(levels.time(i), levels.signalRate(i));
            LinearForm picture = config.prediction().pictureAt(x, output, sigma);
            if (next == 0) {
                plan.end(picture);
                continue;
            }
            double middle = Math.sqrt(sigma * next);
            AncestralStep half = AncestralStep.of(sigma, middle, eta);
            LinearForm start = plan.let(HISTORY, x);
            LinearForm noise = plan.noise(all.increment(sigma, middle));
            plan.end(towards(start, picture, sigma, half.down()).plus(noise.times(half.up() * factor)), false);

            plan.call(NoiseLevels.timeOf(trained, middle), 1 / Math.sqrt(middle * middle + 1));
            AncestralStep whole = AncestralStep.of(sigma, next, eta);
            LinearForm pictureHalfway = config.prediction().pictureAt(x, output, middle);
            noise = plan.noise(all.increment(sigma, next));
            plan.end(towards(start, pictureHalfway, sigma, whole.down()).plus(noise.times(whole.up() * factor)));
        }
        return plan.build(all.initialScale(config), levels.mixture(0));
    }

    /** The sample at a lower level, were the picture what it is predicted to be: it takes up what the noise gives way. */
    static LinearForm towards(LinearForm x, LinearForm picture, double from, double to) {
        return x.times(to / from).plus(picture.times(1 - to / from));
    }
}
