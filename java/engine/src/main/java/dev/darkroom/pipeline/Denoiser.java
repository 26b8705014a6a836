package dev.darkroom.pipeline;

import dev.darkroom.models.unet.Conditioning;
import dev.darkroom.models.unet.UNet;
import dev.darkroom.sampling.SamplingPlan;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Carries out a sampling plan on tensors, with a U-Net as its model. */
final class Denoiser {
    /** Called after each model call with the sample [n, h, w, c], f32. */
    @FunctionalInterface
    interface StepListener {
        void done(int step, Tensor sample);
    }

    private final UNet unet;
    private final Conditioning conditioning;
    private final Job job;

    /** @param conditioning of the negative prompts and the prompts where there is guidance, else of the prompts */
    Denoiser(UNet unet, Conditioning conditioning, Job job) {
        this.unet = unet;
        this.conditioning = conditioning;
        this.job = job;
    }

    /** Whether a job's predictions are made twice, without and with the prompt. Distilled models take guidance as an input instead. */
    static boolean isGuided(UNet unet, Job job) {
        return job.guidance() > 1 && unet.config().guidanceWidth() == 0;
    }

    /** start f32 [n, h, w, c] → the last sample. */
    Tensor run(Ops ops, Tensor start, StepListener listener) {
        List<Tensor> slots = Collections.nCopies(job.plan().slots(), start); // history is written before it is read
        return ops.iterateAll("steps", job.plan().steps().size(), slots, (s, i, state) -> {
                    List<Tensor> next = step(s, job.plan().steps().get(i), state);
                    listener.done(i, next.get(SamplingPlan.SAMPLE));
                    return next;
                })
                .get(SamplingPlan.SAMPLE);
    }

    private List<Tensor> step(Ops ops, SamplingPlan.Step step, List<Tensor> state) {
        Tensor[] slots = state.toArray(Tensor[]::new);
        Tensor sample = slots[SamplingPlan.SAMPLE];
        slots[SamplingPlan.OUTPUT] = predict(ops, sample, step.time(), step.inputScale());
        if (step.drawsNoise()) {
            slots[SamplingPlan.NOISE] = noise(ops, job, sample.shape());
        }
        for (SamplingPlan.Assignment assignment : step.assignments()) {
            slots[assignment.slot()] = value(ops, assignment, slots);
        }
        slots[SamplingPlan.OUTPUT] = slots[SamplingPlan.SAMPLE]; // neither is read in the next step
        slots[SamplingPlan.NOISE] = slots[SamplingPlan.SAMPLE];
        return List.of(slots);
    }

    /** sample f32 [n, h, w, c] → the guided prediction, f32 of the same shape. */
    Tensor predict(Ops ops, Tensor sample, double time, double inputScale) {
        return ops.scoped("predict", s -> {
            boolean guided = isGuided(unet, job);
            int n = sample.dim(0);
            Tensor scaled = inputScale == 1 ? sample : sum(s, new double[] {inputScale}, sample);
            Tensor input = guided ? s.concatRows(scaled, scaled) : scaled;
            float[] times = new float[input.dim(0)];
            Arrays.fill(times, (float) time);
            Tensor prediction =
                    unet.forward(s, input, s.upload(Shape.of(times.length), times), conditioning, guidanceInput(s, n));
            Tensor output = s.cast(prediction, DType.F32);
            if (!guided) {
                return output;
            }
            Tensor without = output.rows(0, n);
            Tensor with = output.rows(n, 2 * n);
            Tensor mixed = sum(s, new double[] {1 - job.guidance(), job.guidance()}, without, with);
            return job.guidanceRescale() > 0 ? s.rescaleGuidance(mixed, with, (float) job.guidanceRescale()) : mixed;
        });
    }

    private @Nullable Tensor guidanceInput(Ops ops, int n) {
        if (unet.config().guidanceWidth() == 0) {
            return null;
        }
        float[] scales = new float[n];
        Arrays.fill(scales, (float) job.guidance());
        return unet.guidanceEmbedding(ops, scales);
    }

    /** A draw of the job's noise for samples of {@code shape} [n, h, w, c]. */
    static Tensor noise(Ops ops, Job job, Shape shape) {
        return job.noise().draw(ops, shape);
    }

    /** Σ coefficients[k] · terms[k]. */
    static Tensor sum(Ops ops, double[] coefficients, Tensor... terms) {
        float[] rounded = new float[coefficients.length];
        for (int k = 0; k < rounded.length; k++) {
            rounded[k] = (float) coefficients[k];
        }
        return ops.weightedSum(ops.upload(Shape.of(1, rounded.length), rounded), terms);
    }

    private static Tensor value(Ops ops, SamplingPlan.Assignment assignment, Tensor[] slots) {
        var form = assignment.form().coefficients();
        double[] coefficients = form.values().stream().mapToDouble(each -> each).toArray();
        Tensor[] terms = form.keySet().stream().map(slot -> slots[slot]).toArray(Tensor[]::new);
        Tensor value = sum(ops, coefficients, terms);
        SamplingPlan.Bound bound = assignment.bound();
        if (bound instanceof SamplingPlan.Bound.Clip clip) {
            return ops.clip(value, (float) -clip.range(), (float) clip.range());
        }
        if (bound instanceof SamplingPlan.Bound.Threshold threshold) {
            return ops.dynamicThreshold(value, (float) threshold.ratio(), (float) threshold.max());
        }
        return value;
    }
}
