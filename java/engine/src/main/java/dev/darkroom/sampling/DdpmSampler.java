package dev.darkroom.sampling;

import static dev.darkroom.sampling.SamplingPlan.HISTORY;
import static dev.darkroom.sampling.SamplingPlan.OUTPUT;
import static dev.darkroom.sampling.SamplingPlan.SAMPLE;

import org.jspecify.annotations.Nullable;

/** Ancestral sampling of denoising diffusion probabilistic models (Ho et al. 2020, eq. 6 and 7). */
final class DdpmSampler implements Sampler {
    private static final double SMALLEST_VARIANCE = 1e-20;

    @Override
    public SamplingPlan plan(SchedulerConfig config, int steps, int skipped) {
        NoiseSchedule noise = config.noise();
        int[] times = config.spacing().wholeTimes(noise.times(), steps, config.offset());
        SamplingPlan.@Nullable Bound bound = config.bound(true);
        SamplingPlan.Builder plan = new SamplingPlan.Builder();
        LinearForm x = LinearForm.of(SAMPLE);
        for (int i = skipped; i < times.length; i++) {
            double alpha = noise.alphaCumulative(times[i]);
            double previous = i + 1 < times.length ? noise.alphaCumulative(times[i + 1]) : 1;
            double beta = 1 - alpha / previous;
            plan.call(times[i], 1);
            LinearForm picture = plan.bounded(
                    HISTORY,
                    config.prediction().picture(x, LinearForm.of(OUTPUT), Math.sqrt(alpha), Math.sqrt(1 - alpha)),
                    bound);
            LinearForm mean = picture.times(Math.sqrt(previous) * beta / (1 - alpha))
                    .plus(x.times(Math.sqrt(alpha / previous) * (1 - previous) / (1 - alpha)));
            plan.end(times[i] > 0 ? mean.plus(plan.noise().times(deviation(config, alpha, previous, beta))) : mean);
        }
        return plan.build(1, noise.addNoise(times[skipped]));
    }

    private static double deviation(SchedulerConfig config, double alpha, double previous, double beta) {
        double small = Math.max((1 - previous) / (1 - alpha) * beta, SMALLEST_VARIANCE);
        boolean large = config.choice("variance_type", "fixed_small", "fixed_small_log", "fixed_large")
                .equals("fixed_large");
        return Math.sqrt(large ? beta : small);
    }
}
