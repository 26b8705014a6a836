package dev.darkroom.pipeline;

import dev.darkroom.models.unet.Conditioning;
import dev.darkroom.models.unet.UNet;
import dev.darkroom.sampling.AdaptiveSolver;
import dev.darkroom.sampling.SamplingPlan;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import java.util.List;

/** Carries out an {@link AdaptiveSolver} on one picture: each trial is a plan, whose steps are recorded as others are; what decides is on the host. */
final class AdaptiveDenoiser {
    private final UNet unet;
    private final Conditioning conditioning;
    private final Job job;
    private final AdaptiveSolver solver;

    AdaptiveDenoiser(UNet unet, Conditioning conditioning, Job job, AdaptiveSolver solver) {
        this.unet = unet;
        this.conditioning = conditioning;
        this.job = job;
        this.solver = solver;
    }

    /** start f32 [1, h, w, c] → the last sample. The listener hears of the nominal plan's calls, as far as the way is done. */
    Tensor run(Ops ops, Tensor start, Noise noise, Denoiser.StepListener listener) {
        Shape shape = start.shape();
        float[] sample = start.toHost();
        AdaptiveSolver.Run run = solver.run(doubles(sample));
        int calls = job.plan().steps().size();
        while (!run.isDone()) {
            SamplingPlan plan = run.trial();
            float[] before = sample;
            float[][] ends = trial(ops, plan, shape, before, noise); // low, high
            double factor = run.noise();
            if (run.accepts(doubles(ends[0]), doubles(ends[1]))) {
                sample = factor > 0 ? noisy(ops, ends[1], shape, noise, factor) : ends[1];
            }
            int done = Math.max(0, Math.min(calls, (int) Math.round(run.share() * calls)) - 1);
            float[] shown = sample;
            ops.scopedAll("progress", s -> {
                listener.done(done, s.upload(shape, shown), () -> trial(ops, plan, shape, before, noise));
                return List.of();
            });
        }
        return ops.upload(shape, sample);
    }

    private float[][] trial(Ops ops, SamplingPlan plan, Shape shape, float[] sample, Noise noise) {
        float[][] ends = new float[2][];
        ops.scopedAll("trial", s -> {
            Denoiser denoiser = new Denoiser(unet, conditioning, job, plan);
            List<Tensor> state =
                    denoiser.run(s, denoiser.begin(s.upload(shape, sample)), noise, (i, each, again) -> {});
            ends[0] = state.get(denoiser.index(solver.lowOrderSlot())).toHost();
            ends[1] = state.get(denoiser.index(SamplingPlan.SAMPLE)).toHost();
            return List.of();
        });
        return ends;
    }

    private float[] noisy(Ops ops, float[] sample, Shape shape, Noise noise, double factor) {
        float[][] sum = new float[1][];
        ops.scopedAll("noise", s -> {
            Tensor drawn = noise.draw(s, shape);
            sum[0] = Denoiser.sum(s, new double[] {1, factor}, s.upload(shape, sample), drawn)
                    .toHost();
            return List.of();
        });
        return sum[0];
    }

    private static double[] doubles(float[] values) {
        double[] wide = new double[values.length];
        for (int i = 0; i < wide.length; i++) {
            wide[i] = values[i];
        }
        return wide;
    }
}
