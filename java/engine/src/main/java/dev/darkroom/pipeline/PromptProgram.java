package dev.darkroom.pipeline;

import dev.darkroom.prompt.PromptRules;
import dev.darkroom.prompt.WeightedText;
import dev.darkroom.sampling.SamplingPlan;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiFunction;

/**
 * Which texts guide which step of a job: prompts divided at AND, and their schedules carried out.
 *
 * <p>A step is one as users count them, among those that are run; model calls of the same step see the same texts.
 */
final class PromptProgram {
    /**
     * The texts of a step.
     *
     * @param negative empty for zeros in place of their embeddings
     * @param parts    the prompts that guide together
     */
    record StepTexts(Optional<Texts> negative, List<Texts> parts) {}

    private final boolean guided;
    private final List<Double> weights;
    private final List<StepTexts> variants;
    private final List<Integer> variantOfCall;

    private PromptProgram(boolean guided, List<Double> weights, List<StepTexts> variants, List<Integer> variantOfCall) {
        this.guided = guided;
        this.weights = weights;
        this.variants = variants;
        this.variantOfCall = variantOfCall;
    }

    /**
     * The program of a job.
     *
     * @param guided whether the job is guided even by a single prompt
     * @throws InvalidRequestException when the texts for SDXL's two encoders are not divided alike
     * @throws IllegalArgumentException when the prompts of the job's images are not weighed alike, which one batch cannot serve
     */
    static PromptProgram of(Job job, boolean guided) {
        List<SamplingPlan.Step> calls = job.plan().steps();
        int steps = (int) calls.stream().filter(SamplingPlan.Step::completes).count();
        List<List<WeightedText>> first =
                divided(job.prompts().first(), job.prompts().rules());
        List<List<WeightedText>> second =
                divided(job.prompts().second(), job.prompts().rules());
        List<Double> weights = weights(first.get(0));
        for (int image = 0; image < first.size(); image++) {
            if (!weights(first.get(image)).equals(weights)) {
                throw new IllegalArgumentException("the prompts of one job must have the same weights at AND: "
                        + weights + " and " + weights(first.get(image)));
            }
            requireDividedAlike(first.get(image), second.get(image));
        }
        boolean predictsTwice =
                guided || !weights.equals(List.of(1.0)); // more than one prompt makes a difference of its own
        Scheduled scheduled = new Scheduled(steps);
        Map<StepTexts, Integer> variants = new LinkedHashMap<>();
        List<Integer> variantOfCall = new ArrayList<>();
        int step = 0;
        for (SamplingPlan.Step call : calls) {
            int current = Math.min(step, steps - 1);
            List<Texts> parts = new ArrayList<>();
            for (int p = 0; p < weights.size(); p++) {
                int part = p;
                parts.add(scheduled.at(
                        current, job.prompts(), (texts, image) -> part(texts == 0 ? first : second, image, part)));
            }
            Optional<Texts> negative = job.negativePrompts()
                    .filter(texts -> predictsTwice)
                    .map(texts -> scheduled.at(
                            current, texts, (index, image) -> texts.of(index, 2).get(image)));
            variantOfCall.add(variants.computeIfAbsent(new StepTexts(negative, parts), texts -> variants.size()));
            step += call.completes() ? 1 : 0;
        }
        return new PromptProgram(predictsTwice, weights, List.copyOf(variants.keySet()), variantOfCall);
    }

    /** Carries schedules out, each text once. */
    private static final class Scheduled {
        private final int steps;
        private final Map<String, List<String>> texts = new HashMap<>();

        Scheduled(int steps) {
            this.steps = steps;
        }

        /** What {@code source} gives for (encoder, image), at step {@code step}. */
        Texts at(int step, Texts like, BiFunction<Integer, Integer, String> source) {
            List<String> first = new ArrayList<>();
            List<String> second = new ArrayList<>();
            for (int image = 0; image < like.images(); image++) {
                first.add(at(step, like.rules(), source.apply(0, image)));
                second.add(at(step, like.rules(), source.apply(1, image)));
            }
            return like.with(first, second);
        }

        private String at(int step, PromptRules rules, String text) {
            return texts.computeIfAbsent(text, each -> rules.schedule(each).texts(steps))
                    .get(step);
        }
    }

    private static List<List<WeightedText>> divided(List<String> texts, PromptRules rules) {
        return texts.stream().map(text -> rules.composition(text).parts()).toList();
    }

    private static List<Double> weights(List<WeightedText> parts) {
        return parts.stream().map(WeightedText::weight).toList();
    }

    private static void requireDividedAlike(List<WeightedText> first, List<WeightedText> second) {
        if (second.size() != 1 && second.size() != first.size()) {
            throw new InvalidRequestException("the prompt is divided at AND into " + first.size()
                    + " parts and the second prompt into " + second.size()
                    + "; give both as many, or the second one only one");
        }
    }

    /** A second prompt that is not divided goes with every part of the first. */
    private static String part(List<List<WeightedText>> texts, int image, int part) {
        List<WeightedText> parts = texts.get(image);
        return parts.get(Math.min(part, parts.size() - 1)).text();
    }

    /** How much each part guides. */
    List<Double> weights() {
        return weights;
    }

    /** Whether predictions are made without the prompts too. Prompts that are composed need that whatever the scale of guidance. */
    boolean isGuided() {
        return guided;
    }

    /** The different texts that steps have, in the order of their first use. */
    List<StepTexts> variants() {
        return variants;
    }

    /** Which of them each model call sees. */
    List<Integer> variantOfCall() {
        return variantOfCall;
    }
}
