package dev.darkroom.pipeline;

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
    private final Guidance guidance;
    private final Job job;
    private final AdaptiveSolver solver;
    private final Noise noise;

    AdaptiveDenoiser(UNet unet, Guidance guidance, Job job, AdaptiveSolver solver, Noise noise) {
        this.unet = unet;
        this.guidance = guidance;
        this.job = job;
        this.solver = solver;
        this.noise = noise;
    }

    /** start f32 [1, h, w, c] → the last sample. The listener hears of the nominal plan's calls, as far as the way is done. */
    Tensor run(Ops ops, Tensor start, Denoiser.StepListener listener) {
        Shape shape = start.shape();
        float[] sample = start.toHost();
        AdaptiveSolver.Run run = solver.run(doubles(sample));
        int calls = job.plan().steps().size();
        while (!run.isDone()) {
            float[] before = sample;
            SamplingPlan plan = run.trial();
            float[][] ends = trial(ops, plan, shape, before); // low, high
            double noiseScale = run.noise();
            if (run.accepts(doubles(ends[0]), doubles(ends[1]))) {
                sample = noiseScale > 0 ? noisy(ops, ends[1], shape, noiseScale) : ends[1];
            }
            int done = Math.max(0, Math.min(calls, (int) Math.round(run.share() * calls)) - 1);
            float[] shown = isFinite(ends[1]) ? sample : ends[1]; // which is never accepted, and must be seen
            ops.scopedAll("progress", s -> {
                listener.done(done, s.upload(shape, shown), () -> trial(s, plan, shape, before));
                return List.of();
            });
        }
        return ops.upload(shape, sample);
    }

    private float[][] trial(Ops ops, SamplingPlan plan, Shape shape, float[] sample) {
        float[][] ends = new float[2][];
        ops.scopedAll("trial", s -> {
            Denoiser denoiser = new Denoiser(unet, guidance, job, plan);
            List<Tensor> state =
                    denoiser.run(s, denoiser.begin(s.upload(shape, sample)), noise, (i, each, again) -> {});
            ends[0] = state.get(denoiser.index(solver.lowOrderSlot())).toHost();
            ends[1] = state.get(denoiser.index(SamplingPlan.SAMPLE)).toHost();
            return List.of();
        });
        return ends;
    }

    private float[] noisy(Ops ops, float[] sample, Shape shape, double factor) {
        float[][] sum = new float[1][];
        ops.scopedAll("noise", s -> {
            Tensor drawn = noise.draw(s, shape);
            sum[0] = Denoiser.sum(s, new double[] {1, factor}, s.upload(shape, sample), drawn)
                    .toHost();
            return List.of();
        });
        return sum[0];
    }

    private static boolean isFinite(float[] values) {
        for (float value : values) {
            if (!Float.isFinite(value)) {
                return false;
            }
        }
        return true;
    }

    private static double[] doubles(float[] values) {
        double[] wide = new double[values.length];
        for (int i = 0; i < wide.length; i++) {
            wide[i] = values[i];
        }
        return wide;
    }
}
