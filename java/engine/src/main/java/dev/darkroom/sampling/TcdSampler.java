package dev.darkroom.sampling;

import static dev.darkroom.sampling.SamplingPlan.OUTPUT;
import static dev.darkroom.sampling.SamplingPlan.SAMPLE;

/**
 * Trajectory consistency distillation (Zheng et al. 2024, algorithm 4): η, their γ, says how far below the next time a
 * call aims, and fresh noise makes up for it.
 */
final class TcdSampler implements Sampler {
    @Override
    public SamplingPlan plan(SchedulerConfig config, int steps, int skipped) {
        NoiseSchedule noise = config.noise();
        double eta = config.real("eta", 0);
        int[] times = LcmSampler.times(config, noise.times(), steps);
        SamplingPlan.Builder plan = new SamplingPlan.Builder();
        LinearForm x = LinearForm.of(SAMPLE);
        LinearForm output = LinearForm.of(OUTPUT);
        for (int i = skipped; i < times.length; i++) {
            boolean isLast = i == times.length - 1;
            int next = isLast ? 0 : times[i + 1];
            SamplingPlan.Mixture from = noise.addNoise(times[i]);
            SamplingPlan.Mixture aim = noise.addNoise((int) Math.floor((float) (1 - eta) * next));
            plan.call(times[i], 1);
            LinearForm picture = config.prediction().picture(x, output, from.signal(), from.noise());
            LinearForm epsilon = config.prediction().noise(x, output, from.signal(), from.noise());
            LinearForm aimed = picture.times(aim.signal()).plus(epsilon.times(aim.noise()));
            double kept = noise.addNoise(next).signal() / aim.signal();
            plan.end(
                    eta > 0 && !isLast
                            ? aimed.times(kept).plus(plan.noise().times(Math.sqrt(1 - kept * kept)))
                            : aimed);
        }
        return plan.build(1, noise.addNoise(times[skipped]));
    }
}
