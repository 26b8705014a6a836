package dev.darkroom.sampling;

import static dev.darkroom.sampling.SamplingPlan.HISTORY;
import static dev.darkroom.sampling.SamplingPlan.OUTPUT;
import static dev.darkroom.sampling.SamplingPlan.SAMPLE;

import org.jspecify.annotations.Nullable;

/** Denoising diffusion implicit models (Song et al. 2021, eq. 12), with a share η of fresh noise. */
final class DdimSampler implements Sampler {
    @Override
    public SamplingPlan plan(SchedulerConfig config, int steps, int skipped, double eta) {
        NoiseSchedule noise = config.noise();
        int[] times = config.spacing().wholeTimes(noise.times(), steps, config.offset());
        int stride = noise.times() / steps;
        double last = config.flag("set_alpha_to_one", true) ? 1 : noise.alphaCumulative(0);
        SamplingPlan.@Nullable Bound bound = config.bound(true);
        SamplingPlan.Builder plan = new SamplingPlan.Builder();
        LinearForm x = LinearForm.of(SAMPLE);
        LinearForm output = LinearForm.of(OUTPUT);
        for (int i = skipped; i < times.length; i++) {
            double alpha = noise.alphaCumulative(times[i]);
            double previous = times[i] >= stride ? noise.alphaCumulative(times[i] - stride) : last;
            double signalRate = Math.sqrt(alpha);
            double noiseRate = Math.sqrt(1 - alpha);
            double deviation = eta * Math.sqrt((1 - previous) / (1 - alpha) * (1 - alpha / previous));
            plan.call(times[i], 1);
            LinearForm epsilon = config.prediction().noise(x, output, signalRate, noiseRate);
            LinearForm picture =
                    plan.bounded(HISTORY, config.prediction().picture(x, output, signalRate, noiseRate), bound);
            LinearForm next = picture.times(Math.sqrt(previous))
                    .plus(epsilon.times(Math.sqrt(1 - previous - deviation * deviation)));
            plan.end(eta > 0 ? next.plus(plan.noise().times(deviation)) : next);
        }
        return plan.build(1, noise.addNoise(times[skipped]));
    }
}
