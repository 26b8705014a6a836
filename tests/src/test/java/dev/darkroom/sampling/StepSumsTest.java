package dev.darkroom.sampling;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Carrying out the rounds in double precision must give what carrying out the assignments gives. */
@DisplayName("A plan folded into rounds of sums")
class StepSumsTest {
    private static final int STEPS = 7;
    private static final int SIZE = 6;

    @ParameterizedTest
    @EnumSource(SamplerKind.class)
    void givesThePlansSamples(SamplerKind kind) {
        SchedulerConfig config = kind.schedulerClass().isOfRange()
                ? config("{\"_class_name\": \"" + kind.className() + "\"}")
                : config("{}").with(kind);
        check((kind.takes("eta") ? config.with("eta", 0.5) : config).plan(STEPS, 0), 1);
    }

    static Stream<SamplingPlan> bounded() {
        String clipped = "{\"clip_sample\": true, \"clip_sample_range\": 0.6}";
        String thresholded = "{\"thresholding\": true, \"sample_max_value\": 1.2}";
        return Stream.of(
                config(clipped).with(SamplerKind.DDIM).with("eta", 0.5).plan(STEPS, 0),
                config(thresholded).with(SamplerKind.DPMPP_2M).plan(STEPS, 0),
                config(thresholded).with(SamplerKind.UNIPC).plan(STEPS, 2));
    }

    @ParameterizedTest
    @MethodSource("bounded")
    void takesOneRoundMoreForABound(SamplingPlan plan) {
        check(plan, 2);
    }

    private static void check(SamplingPlan made, int rounds) {
        SamplingPlan plan = new SamplingPlan(
                made.steps(), made.slots(), made.initialNoiseScale(), made.start(), null); // as it stands
        double[] start = new Random(3).doubles(SIZE, -2, 2).toArray();
        List<double[]> expected = new ArrayList<>();
        PlanInterpreter.run(plan, start, 1, new Model(), noise(), (i, sample) -> expected.add(sample.clone()));
        StepSums sums = StepSums.of(plan);
        Map<Integer, double[]> slots = new HashMap<>();
        slots.put(SamplingPlan.SAMPLE, start);
        // What a step reads before any has written it is multiplied by zero.
        sums.state().forEach(slot -> slots.putIfAbsent(slot, start));
        Supplier<double[]> noise = noise();
        Set<List<StepSums.Round>> kinds = new HashSet<>();
        for (int i = 0; i < plan.steps().size(); i++) {
            kinds.add(sums.rounds(i));
            assertEquals(rounds, sums.rounds(i).size());
            step(plan.steps().get(i), sums, i, slots, noise);
            assertArrayEquals(expected.get(i), slots.get(SamplingPlan.SAMPLE), 1e-9, "step " + i);
            slots.keySet().retainAll(sums.state()); // nothing else may be needed
        }
        assertEquals(1, kinds.size(), "steps differ in their numbers alone");
    }

    private static void step(
            SamplingPlan.Step step, StepSums sums, int index, Map<Integer, double[]> slots, Supplier<double[]> noise) {
        double[] sample = slots.get(SamplingPlan.SAMPLE);
        double[] input =
                Arrays.stream(sample).map(value -> value * step.inputScale()).toArray();
        slots.put(SamplingPlan.OUTPUT, new Model().predict(input, step.time()));
        slots.put(SamplingPlan.UNGUIDED, new Model().predictUnguided(input, step.time()));
        slots.put(SamplingPlan.NOISE, step.drawsNoise() ? noise.get() : sample);
        for (int r = 0; r < sums.rounds(index).size(); r++) {
            StepSums.Round round = sums.rounds(index).get(r);
            double[][] coefficients = sums.coefficients(index, r);
            Map<Integer, double[]> assigned = new HashMap<>();
            for (int o = 0; o < coefficients.length; o++) {
                double[] sum = new double[SIZE];
                for (int k = 0; k < round.terms().size(); k++) {
                    double[] term =
                            Objects.requireNonNull(slots.get(round.terms().get(k)));
                    for (int p = 0; p < SIZE; p++) {
                        sum[p] += coefficients[o][k] * term[p];
                    }
                }
                assigned.put(
                        round.slots().get(o),
                        o == coefficients.length - 1 ? PlanInterpreter.bounded(sum, round.bound(), 1) : sum);
            }
            slots.putAll(assigned);
        }
    }

    /** Predicts something else without the prompt. */
    private static final class Model implements PlanInterpreter.Model {
        @Override
        public double[] predict(double[] input, double time) {
            return FormulaModel.predict(input, time, SIZE);
        }

        @Override
        public double[] predictUnguided(double[] input, double time) {
            return FormulaModel.predict(input, time + 50, SIZE);
        }
    }

    private static Supplier<double[]> noise() {
        Random random = new Random(9);
        return () -> random.doubles(SIZE, -1, 1).toArray();
    }

    private static SchedulerConfig config(String json) {
        try {
            ObjectNode node = (ObjectNode) new ObjectMapper().readTree(json);
            if (!node.has("_class_name")) {
                node.put("_class_name", "DDIMScheduler");
            }
            node.put("beta_schedule", "scaled_linear");
            if (!node.has("clip_sample")) {
                node.put("clip_sample", false);
            }
            return SchedulerConfig.of("test", node);
        } catch (java.io.IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }
}
