package dev.darkroom.sampling;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A sampler for a given schedule, as data: for each model call the time, the scale of the input, and what to assign to which slot afterwards.
 *
 * <p>Slots hold tensors of the sample's shape: {@link #SAMPLE}, {@link #OUTPUT} (the model's, after guidance), {@link #NOISE} (fresh, standard normal,
 * drawn for a step that {@link Step#drawsNoise}), {@link #UNGUIDED} (the model's output without the prompt), and history from {@link #HISTORY} on,
 * which keep their values from step to step.
 *
 * @param steps             the model calls, in order
 * @param slots             number of slots
 * @param initialNoiseScale what standard normal noise is multiplied by to become the first sample
 * @param start             how the first sample is mixed from a picture's latents and noise, for image to image
 * @param adaptive          what decides on the steps while they are made, so that these here are a guess; null where they are fixed
 */
public record SamplingPlan(
        List<Step> steps,
        int slots,
        double initialNoiseScale,
        Mixture start,
        @Nullable AdaptiveSolver adaptive) {
    /** The sample, x. */
    public static final int SAMPLE = 0;

    /** The model's output. */
    public static final int OUTPUT = 1;

    /** Fresh noise. */
    public static final int NOISE = 2;

    /** The model's output for the negative prompt alone; the same as {@link #OUTPUT} where there is no guidance. */
    public static final int UNGUIDED = 3;

    /** The first slot of history. */
    public static final int HISTORY = 4;

    /** Whether a slot is given in each step, so that it is never assigned. */
    static boolean isGiven(int slot) {
        return slot == OUTPUT || slot == NOISE || slot == UNGUIDED;
    }

    /**
     * signal · picture + noise · noise: what the forward process makes of a picture's latents and standard normal noise.
     *
     * @param signal what latents are multiplied by
     * @param noise  what standard normal noise is multiplied by
     */
    public record Mixture(double signal, double noise) {}

    /**
     * One model call and what follows from it.
     *
     * @param time        what the model is told; may be fractional
     * @param inputScale  what the sample is multiplied by before the model sees it
     * @param drawsNoise  whether {@link #NOISE} is drawn anew after the call
     * @param increment   what that noise is the increment of; null for independent noise
     * @param assignments carried out one after the other
     * @param completes   whether this call completes a step as users count them; some samplers take several calls for one
     */
    public record Step(
            double time,
            double inputScale,
            boolean drawsNoise,
            @Nullable Interval increment,
            List<Assignment> assignments,
            boolean completes) {}

    /**
     * An interval of noise levels, over which the increment of a Brownian path, brought to unit variance, is the noise of a step. Steps that share a path
     * see the same noise, however many there are.
     *
     * @param from    the level that the step begins at
     * @param to      the level that it ends at, below
     * @param lowest  where the path begins
     * @param highest where the path ends
     */
    public record Interval(double from, double to, double lowest, double highest) {}

    /**
     * {@code slot = bound(form)}.
     *
     * @param bound what is done to the sum; null for nothing
     */
    public record Assignment(
            int slot, LinearForm form, @Nullable Bound bound) {}

    /** A limit on predicted pictures, the one thing in a sampler that is not linear. */
    public sealed interface Bound {
        /** Held between -range and range. */
        record Clip(double range) implements Bound {}

        /** Dynamic thresholding (Saharia et al. 2022, section 2.3). */
        record Threshold(double ratio, double max) implements Bound {}
    }

    /** Collects the steps of a plan. */
    static final class Builder {
        private final List<Step> steps = new ArrayList<>();
        private int slots = HISTORY;
        private double time;
        private double inputScale;
        private boolean drawsNoise;
        private @Nullable Interval increment;
        private List<Assignment> assignments = new ArrayList<>();

        /** Begins a model call. */
        Builder call(double newTime, double newInputScale) {
            time = newTime;
            inputScale = newInputScale;
            drawsNoise = false;
            increment = null;
            assignments = new ArrayList<>();
            return this;
        }

        /** The noise of this step. */
        LinearForm noise() {
            return noise(null);
        }

        /** The noise of this step. @param of what it is the increment of; null for independent noise */
        LinearForm noise(@Nullable Interval of) {
            drawsNoise = true;
            increment = of;
            return LinearForm.of(NOISE);
        }

        /** Assigns {@code form} to {@code slot} and returns the slot. */
        LinearForm let(int slot, LinearForm form) {
            return assign(slot, form, null);
        }

        /** Assigns {@code bound(form)} to {@code slot} and returns the slot; {@code form} itself where there is no bound. */
        LinearForm bounded(int slot, LinearForm form, @Nullable Bound bound) {
            return bound == null ? form : assign(slot, form, bound);
        }

        private LinearForm assign(int slot, LinearForm form, @Nullable Bound bound) {
            if (!form.isFinite()) {
                throw new IllegalArgumentException(
                        "the sampler cannot make the step at time " + time
                                + ": it divides by zero, because two of its times coincide (take fewer steps), or because"
                                + " nothing of the picture is left there (rescale_betas_zero_snr needs prediction_type v_prediction)");
            }
            slots = Math.max(slots, slot + 1);
            assignments.add(new Assignment(slot, form, bound));
            return LinearForm.of(slot);
        }

        /** Ends the call, and the step, with {@code sample} as the new sample. */
        void end(LinearForm sample) {
            end(sample, true);
        }

        /** Ends the call with {@code sample} as the new sample. */
        void end(LinearForm sample, boolean completes) {
            let(SAMPLE, sample);
            steps.add(new Step(time, inputScale, drawsNoise, increment, List.copyOf(assignments), completes));
        }

        SamplingPlan build(double initialNoiseScale, Mixture start) {
            return new SamplingPlan(List.copyOf(steps), slots, initialNoiseScale, start, null);
        }

        SamplingPlan build(double initialNoiseScale, Mixture start, AdaptiveSolver adaptive) {
            return new SamplingPlan(List.copyOf(steps), slots, initialNoiseScale, start, adaptive);
        }
    }
}
