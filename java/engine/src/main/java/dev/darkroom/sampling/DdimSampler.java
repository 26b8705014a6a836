package dev.darkroom.sampling;

import static dev.darkroom.sampling.SamplingPlan.HISTORY;
import static dev.darkroom.sampling.SamplingPlan.OUTPUT;
import static dev.darkroom.sampling.SamplingPlan.SAMPLE;
import static dev.darkroom.sampling.SamplingPlan.UNGUIDED;

import org.jspecify.annotations.Nullable;

/**
 * Denoising diffusion implicit models (Song et al. 2021, eq. 12), with a share η of fresh noise. Under CFG++ (Chung et al. 2024, algorithm 2) the guided
 * picture is given the noise again that is predicted without the prompt.
 */
final class DdimSampler implements Sampler {
    private final boolean cfgPlusPlus;

    DdimSampler(boolean cfgPlusPlus) {
        this.cfgPlusPlus = cfgPlusPlus;
    }

    @Override
    public SamplingPlan plan(SchedulerConfig config, int steps, int skipped) {
        NoiseSchedule noise = config.noise();
        double eta = config.real("eta", 0);
        int[] times = config.spacing().wholeTimes(noise.times(), steps, config.offset());
        int stride = noise.times() / steps;
        double last = config.flag("set_alpha_to_one", true) ? 1 : noise.alphaCumulative(0);
        SamplingPlan.@Nullable Bound bound = config.bound(!cfgPlusPlus);
        SamplingPlan.Builder plan = new SamplingPlan.Builder();
        LinearForm x = LinearForm.of(SAMPLE);
        LinearForm output = cfgPlusPlus ? EulerCfgPlusPlusSampler.guided() : LinearForm.of(OUTPUT);
        LinearForm direction = LinearForm.of(cfgPlusPlus ? UNGUIDED : OUTPUT);
        for (int i = skipped; i < times.length; i++) {
            double alpha = noise.alphaCumulative(times[i]);
            double previous = times[i] >= stride ? noise.alphaCumulative(times[i] - stride) : last;
            double signalRate = Math.sqrt(alpha);
            double noiseRate = Math.sqrt(1 - alpha);
            double deviation = eta * Math.sqrt((1 - previous) / (1 - alpha) * (1 - alpha / previous));
            plan.call(times[i], 1);
            LinearForm epsilon = config.prediction().noise(x, direction, signalRate, noiseRate);
            LinearForm picture =
                    plan.bounded(HISTORY, config.prediction().picture(x, output, signalRate, noiseRate), bound);
            LinearForm next = picture.times(Math.sqrt(previous))
                    .plus(epsilon.times(Math.sqrt(1 - previous - deviation * deviation)));
            plan.end(eta > 0 ? next.plus(plan.noise().times(deviation)) : next);
        }
        return plan.build(1, noise.addNoise(times[skipped]));
    }
}
