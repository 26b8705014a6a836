package dev.darkroom.sampling;

import java.util.Arrays;
import java.util.function.BiConsumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Executes plans over arrays in double precision: what verifies samplers, and the definition of what devices do with tensors. */
public final class PlanInterpreter {
    /** Stands for the network. */
    @FunctionalInterface
    public interface Model {
        /** input · time → output of the same length. */
        double[] predict(double[] input, double time);

        /** As {@link #predict}, without the prompt; the same where there is no guidance. */
        default double[] predictUnguided(double[] input, double time) {
            return predict(input, time);
        }
    }

    private PlanInterpreter() {}

    /**
     * Runs a plan.
     *
     * @param sample  [images · pixels], the first sample, already scaled
     * @param images  number of images; thresholds are taken for each alone
     * @param noise   called for each draw
     * @param onStep  called after each step with its index and the sample
     * @return the last sample
     */
    public static double[] run(
            SamplingPlan plan,
            double[] sample,
            int images,
            Model model,
            Supplier<double[]> noise,
            BiConsumer<Integer, double[]> onStep) {
        if (plan.adaptive() != null) {
            return runAdaptive(plan.adaptive(), sample, images, model, noise, onStep);
        }
        return runSteps(plan, sample, images, model, noise, onStep)[SamplingPlan.SAMPLE];
    }

    /** Trials are made until the solver has come to its end; steps are those that count. */
    private static double[] runAdaptive(
            AdaptiveSolver solver,
            double[] start,
            int images,
            Model model,
            Supplier<double[]> noise,
            BiConsumer<Integer, double[]> onStep) {
        if (images != 1) {
            throw new IllegalArgumentException("an adaptive solver serves one image at a time, given " + images);
        }
        double[] sample = start;
        AdaptiveSolver.Run run = solver.run(sample);
        int steps = 0;
        while (!run.isDone()) {
            double[][] slots = runSteps(run.trial(), sample, 1, model, noise, (i, x) -> {});
            double factor = run.noise();
            double[] high = slots[SamplingPlan.SAMPLE];
            if (run.accepts(slots[solver.lowOrderSlot()], high)) {
                double[] drawn = factor > 0 ? noise.get() : high;
                for (int k = 0; k < high.length; k++) {
                    high[k] += factor * drawn[k];
                }
                sample = high;
                onStep.accept(steps++, sample);
            }
        }
        return sample;
    }

    /** The slots after all steps. */
    private static double[][] runSteps(
            SamplingPlan plan,
            double[] sample,
            int images,
            Model model,
            Supplier<double[]> noise,
            BiConsumer<Integer, double[]> onStep) {
        double[][] slots = new double[plan.slots()][sample.length];
        slots[SamplingPlan.SAMPLE] = sample.clone();
        for (int i = 0; i < plan.steps().size(); i++) {
            SamplingPlan.Step step = plan.steps().get(i);
            double[] input = slots[SamplingPlan.SAMPLE].clone();
            for (int k = 0; k < input.length; k++) {
                input[k] *= step.inputScale();
            }
            slots[SamplingPlan.OUTPUT] = model.predict(input, step.time());
            slots[SamplingPlan.UNGUIDED] = model.predictUnguided(input, step.time());
            if (step.drawsNoise()) {
                slots[SamplingPlan.NOISE] = noise.get();
            }
            for (SamplingPlan.Assignment assignment : step.assignments()) {
                slots[assignment.slot()] = value(assignment, slots, images);
            }
            onStep.accept(i, slots[SamplingPlan.SAMPLE]);
        }
        return slots;
    }

    private static double[] value(SamplingPlan.Assignment assignment, double[][] slots, int images) {
        double[] sum = new double[slots[0].length];
        assignment.form().coefficients().forEach((slot, coefficient) -> {
            for (int k = 0; k < sum.length; k++) {
                sum[k] += coefficient * slots[slot][k];
            }
        });
        return bounded(sum, assignment.bound(), images);
    }

    /** {@code sum}, changed as {@code bound} says; null for nothing. */
    static double[] bounded(double[] sum, SamplingPlan.@Nullable Bound bound, int images) {
        if (bound instanceof SamplingPlan.Bound.Clip clip) {
            for (int k = 0; k < sum.length; k++) {
                sum[k] = Math.max(-clip.range(), Math.min(clip.range(), sum[k]));
            }
        } else if (bound instanceof SamplingPlan.Bound.Threshold threshold) {
            int size = sum.length / images;
            for (int image = 0; image < images; image++) {
                threshold(sum, image * size, size, threshold);
            }
        }
        return sum;
    }

    private static void threshold(double[] values, int start, int size, SamplingPlan.Bound.Threshold threshold) {
        double[] magnitudes = new double[size];
        for (int k = 0; k < size; k++) {
            magnitudes[k] = Math.abs(values[start + k]);
        }
        Arrays.sort(magnitudes);
        double position = threshold.ratio() * (size - 1); // linear interpolation between ranks
        int low = (int) position;
        double quantile =
                magnitudes[low] + (position - low) * (magnitudes[Math.min(low + 1, size - 1)] - magnitudes[low]);
        double limit = Math.max(1, Math.min(threshold.max(), quantile));
        for (int k = start; k < start + size; k++) {
            values[k] = Math.max(-limit, Math.min(limit, values[k])) / limit;
        }
    }
}
