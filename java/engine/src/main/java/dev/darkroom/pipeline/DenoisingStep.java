package dev.darkroom.pipeline;

import dev.darkroom.models.unet.Additions;
import dev.darkroom.models.unet.Conditioning;
import dev.darkroom.models.unet.TimeTable;
import dev.darkroom.models.unet.UNet;
import dev.darkroom.sampling.SamplingPlan;
import dev.darkroom.sampling.StepSums;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Tensor;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.IntStream;

/**
 * What a denoising step computes: the network's prediction, and from it the sampler's next state. Takes all that differs between steps from tensors, so
 * that it can be recorded.
 */
final class DenoisingStep {
    /**
     * What decides which operations a step consists of, besides the shapes of its tensors.
     *
     * @param state      the slots that are passed from step to step
     * @param rounds     the sampler's sums
     * @param parts      how many prompts guide together, for each of which a prediction is made besides the one without; 0 for no guidance
     * @param rescale    of guidance, 0 for none
     * @param scalesInput whether the network sees the sample multiplied by a scale
     * @param drawsNoise whether there is noise among the inputs
     * @param switchesTexts whether the texts are among the inputs, as steps see different ones; else they are constants
     * @param guides     what guides the step by pictures
     */
    record Form(
            UNet unet,
            List<Integer> state,
            List<StepSums.Round> rounds,
            int parts,
            double rescale,
            boolean scalesInput,
            boolean drawsNoise,
            boolean switchesTexts,
            List<Guides.Form> guides) {
        boolean guided() {
            return parts > 0;
        }

        /** Whether guidance is part of the sampler's sums; where it is rescaled it must be known before. */
        boolean mixesInSums() {
            return guided() && rescale == 0;
        }

        /**
         * The coefficients of a step in the order in which {@link DenoisingStep} takes them.
         *
         * @param weights how much each part guides
         */
        double[] coefficients(SamplingPlan.Step step, double[][][] rounds, double guidance, List<Double> weights) {
            List<Double> all = new ArrayList<>();
            if (scalesInput) {
                all.add(step.inputScale());
            }
            if (guided() && !mixesInSums()) {
                all.addAll(mixture(guidance, weights)); // guided
                all.addAll(mixture(1, weights)); // conditional
            }
            for (int r = 0; r < rounds.length; r++) {
                for (double[] sum : rounds[r]) {
                    for (int k = 0; k < sum.length; k++) {
                        if (mixesInSums() && this.rounds.get(r).terms().get(k) == SamplingPlan.OUTPUT) {
                            double factor = sum[k];
                            mixture(guidance, weights).forEach(each -> all.add(factor * each));
                        } else {
                            all.add(sum[k]);
                        }
                    }
                }
            }
            return all.stream().mapToDouble(each -> each).toArray();
        }

        /**
         * What the predictions without prompt and with each part are multiplied by: u + s · Σ w (p - u) (Ho and Salimans 2021; Liu et al. 2022, eq. 11).
         */
        private static List<Double> mixture(double guidance, List<Double> weights) {
            List<Double> factors = new ArrayList<>();
            double sum = 0;
            for (double weight : weights) {
                factors.add(guidance * weight);
                sum += weight;
            }
            factors.add(0, 1 - guidance * sum);
            return factors;
        }
    }

    /** What is added to the U-Net's activations for an input. */
    private interface Adder {
        Additions to(Ops ops, Tensor x);
    }

    private final Form form;
    private final Conditioning conditioning;
    private final TimeTable times;
    private final Guides guides;

    /** @param conditioning,times,guides whose tensors may be replaced by copies in each call */
    DenoisingStep(Form form, Conditioning conditioning, TimeTable times, Guides guides) {
        this.form = form;
        this.conditioning = conditioning;
        this.times = times;
        this.guides = guides;
    }

    /** What {@link #apply} takes as constants. */
    List<Tensor> constants() {
        List<Tensor> constants = new ArrayList<>(List.of(times.order()));
        if (!form.switchesTexts()) {
            constants.addAll(conditioning.tensors());
        }
        constants.addAll(guides.constants(form.guides()));
        return constants;
    }

    /**
     * One step.
     *
     * @param constants as {@link #constants}
     * @param inputs    the state, each f32 [n, h, w, c]; the step's part of the time table; its coefficients f32 [1, k]; noise, where steps draw it; the
     *                  texts, where steps see different ones; and what its guides take
     * @return the next state
     */
    List<Tensor> apply(Ops ops, List<Tensor> constants, List<Tensor> inputs) {
        int count = form.state().size();
        Map<Integer, List<Tensor>> slots =
                new HashMap<>(); // a slot is one tensor, but for the parts of an output that is mixed in the sums
        IntStream.range(0, count).forEach(i -> slots.put(form.state().get(i), List.of(inputs.get(i))));
        if (form.drawsNoise()) {
            slots.put(SamplingPlan.NOISE, List.of(inputs.get(count + 2)));
        }
        Coefficients coefficients = new Coefficients(inputs.get(count + 1));
        int given = count + (form.drawsNoise() ? 3 : 2); // inputs before the texts
        int tensors = conditioning.tensors().size();
        int ownFrom = form.switchesTexts() ? given + tensors : given;
        int shownFrom = form.switchesTexts() ? 1 : 1 + tensors;
        Conditioning texts = conditioning.with(
                form.switchesTexts() ? inputs.subList(given, ownFrom) : constants.subList(1, shownFrom));
        TimeTable.Time time = times.at(ops, inputs.get(count), constants.get(0));
        List<Tensor> shown = constants.subList(shownFrom, constants.size());
        List<Tensor> own = inputs.subList(ownFrom, inputs.size());
        Adder adder = (s, x) -> guides.additions(s, form.guides(), x, shown, own);
        List<Tensor> outputs = predict(ops, inputs.get(0), time, texts, coefficients, adder);
        slots.put(SamplingPlan.OUTPUT, form.guided() && !form.mixesInSums() ? outputs.subList(1, 2) : outputs);
        slots.put(SamplingPlan.UNGUIDED, outputs.subList(0, 1));
        for (StepSums.Round round : form.rounds()) {
            assign(ops, round, coefficients, slots);
        }
        return form.state().stream().map(slot -> held(slots, slot).get(0)).toList();
    }

    /**
     * sample f32 [n, h, w, c] → the prediction of the same shape, in any type; with guidance the one without the prompts, and those that guidance mixes
     * with it or, where guidance is rescaled, the guided one.
     */
    private List<Tensor> predict(
            Ops ops, Tensor sample, TimeTable.Time time, Conditioning texts, Coefficients coefficients, Adder adder) {
        return ops.scopedAll("predict", s -> {
            int n = sample.dim(0);
            Tensor scaled = form.scalesInput() ? s.weightedSum(coefficients.next(1), sample) : sample;
            Tensor narrow = s.cast(scaled, form.unet().dtype());
            int times = 1 + form.parts();
            Tensor input = form.guided()
                    ? s.concatRows(Collections.nCopies(times, narrow).toArray(Tensor[]::new))
                    : narrow;
            Tensor prediction = form.unet().forward(s, input, time, texts, adder.to(s, input));
            List<Tensor> predictions = IntStream.range(0, times)
                    .mapToObj(i -> times == 1 ? prediction : prediction.rows(i * n, (i + 1) * n))
                    .toList();
            if (!form.guided() || form.mixesInSums()) {
                return predictions;
            }
            List<Tensor> sums = s.weightedSums(coefficients.next(2 * times), 2, predictions.toArray(Tensor[]::new));
            return List.of(predictions.get(0), s.rescaleGuidance(sums.get(0), sums.get(1), (float) form.rescale()));
        });
    }

    private static void assign(
            Ops ops, StepSums.Round round, Coefficients coefficients, Map<Integer, List<Tensor>> slots) {
        Tensor[] terms = round.terms().stream()
                .flatMap(slot -> held(slots, slot).stream())
                .toArray(Tensor[]::new);
        int count = round.slots().size();
        List<Tensor> sums = ops.weightedSums(coefficients.next(count * terms.length), count, terms);
        for (int i = 0; i < count; i++) {
            Tensor value = i == count - 1 ? bounded(ops, sums.get(i), round) : sums.get(i);
            slots.put(round.slots().get(i), List.of(value));
        }
    }

    private static List<Tensor> held(Map<Integer, List<Tensor>> slots, int slot) {
        return Objects.requireNonNull(slots.get(slot), "a slot that nothing was assigned to");
    }

    private static Tensor bounded(Ops ops, Tensor value, StepSums.Round round) {
        SamplingPlan.Bound bound = round.bound();
        if (bound instanceof SamplingPlan.Bound.Clip clip) {
            return ops.clip(value, (float) -clip.range(), (float) clip.range());
        }
        if (bound instanceof SamplingPlan.Bound.Threshold threshold) {
            return ops.dynamicThreshold(value, (float) threshold.ratio(), (float) threshold.max());
        }
        return value;
    }

    /** The coefficients of a step, taken from one row in their order. */
    private static final class Coefficients {
        private final Tensor column; // [k, 1]
        private int next;

        Coefficients(Tensor row) {
            column = row.reshape(-1, 1);
        }

        /** The next {@code count}, [1, count]. */
        Tensor next(int count) {
            next += count;
            return column.rows(next - count, next).reshape(1, count);
        }
    }
}
