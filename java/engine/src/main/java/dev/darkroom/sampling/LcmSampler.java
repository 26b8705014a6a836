package dev.darkroom.sampling;

import static dev.darkroom.sampling.SamplingPlan.HISTORY;
import static dev.darkroom.sampling.SamplingPlan.OUTPUT;
import static dev.darkroom.sampling.SamplingPlan.SAMPLE;

import org.jspecify.annotations.Nullable;

/** Latent consistency models (Luo et al. 2023): each call predicts the picture, which is then given noise again. */
final class LcmSampler implements Sampler {
    private static final double SIGMA_DATA = 0.5;

    @Override
    public SamplingPlan plan(SchedulerConfig config, int steps, int skipped) {
        NoiseSchedule noise = config.noise();
        int[] times = times(config, noise.times(), steps);
        SamplingPlan.@Nullable Bound bound = config.bound(false);
        double scaling = config.real("timestep_scaling", 10);
        SamplingPlan.Builder plan = new SamplingPlan.Builder();
        LinearForm x = LinearForm.of(SAMPLE);
        for (int i = skipped; i < times.length; i++) {
            double alpha = noise.alphaCumulative(times[i]);
            plan.call(times[i], 1);
            LinearForm picture = plan.bounded(
                    HISTORY,
                    config.prediction().picture(x, LinearForm.of(OUTPUT), Math.sqrt(alpha), Math.sqrt(1 - alpha)),
                    bound);
            double scaled = times[i] * scaling; // the boundary condition, Song et al. 2023, eq. 5
            double square = scaled * scaled + SIGMA_DATA * SIGMA_DATA;
            LinearForm denoised =
                    picture.times(scaled / Math.sqrt(square)).plus(x.times(SIGMA_DATA * SIGMA_DATA / square));
            if (i == times.length - 1) {
                plan.end(denoised);
            } else {
                double next = noise.alphaCumulative(times[i + 1]);
                plan.end(denoised.times(Math.sqrt(next)).plus(plan.noise().times(Math.sqrt(1 - next))));
            }
        }
        return plan.build(1, noise.addNoise(times[skipped]));
    }

    /** Evenly among the times that the model was distilled for. */
    static int[] times(SchedulerConfig config, int trained, int steps) {
        int original = config.integer("original_inference_steps", 50);
        if (steps > original) {
            throw new IllegalArgumentException(
                    "the sampler takes at most " + original + " steps with this model, given " + steps);
        }
        int stride = trained / original;
        int[] times = new int[steps];
        for (int i = 0; i < steps; i++) {
            int index = (int) Math.floor((double) original * i / steps);
            times[i] = (original - index) * stride - 1;
        }
        return times;
    }
}
