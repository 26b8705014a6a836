package dev.darkroom.sampling;

import static dev.darkroom.sampling.SamplingPlan.HISTORY;
import static dev.darkroom.sampling.SamplingPlan.OUTPUT;
import static dev.darkroom.sampling.SamplingPlan.SAMPLE;

/** stable-diffusion.cpp's variant of DPM-Solver++(2M): a step is integrated over the mean of its own length and the last one's, in log σ. */
final class Dpmpp2mV2Sampler implements Sampler {
    @Override
    public SamplingPlan plan(SchedulerConfig config, int steps, int skipped) {
        NoiseLevels all = NoiseLevels.continuous(config, config.noise(), steps);
        NoiseLevels levels = all.from(skipped);
        SamplingPlan.Builder plan = new SamplingPlan.Builder();
        LinearForm x = LinearForm.of(SAMPLE);
        for (int i = 0; i < levels.steps(); i++) {
            plan.call(levels.time(i), levels.signalRate(i));
            LinearForm before = i > 0 ? plan.let(HISTORY + 1, LinearForm.of(HISTORY)) : x;
            LinearForm picture =
                    plan.let(HISTORY, config.prediction().pictureAt(x, LinearForm.of(OUTPUT), levels.sigma(i)));
            double ratio = levels.sigma(i + 1) / levels.sigma(i);
            if (i == 0 || ratio == 0) {
                plan.end(x.times(ratio).plus(picture.times(1 - ratio)));
                continue;
            }
            double own = levels.lambda(i + 1) - levels.lambda(i);
            double last = levels.lambda(i) - levels.lambda(i - 1);
            double share = Math.min(own, last) / Math.max(own, last) / 2;
            LinearForm continued = picture.plus(picture.minus(before).times(share));
            plan.end(x.times(ratio).minus(continued.times(Math.expm1(-(own + last) / 2))));
        }
        return plan.build(all.initialScale(config), levels.mixture(0));
    }
}
