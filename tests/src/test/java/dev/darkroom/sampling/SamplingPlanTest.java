package dev.darkroom.sampling;

import static dev.darkroom.sampling.SamplingPlan.HISTORY;
import static dev.darkroom.sampling.SamplingPlan.NOISE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What holds for the plans of all samplers. */
class SamplingPlanTest {
    private static final int STEPS = 7;
    private static final String MODEL = """
            {"_class_name": "PNDMScheduler", "beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012,
             "steps_offset": 1, "skip_prk_steps": true, "set_alpha_to_one": false, "clip_sample": false,
             "thresholding": true, "sample_max_value": 1.5, "timestep_spacing": "leading"}""";

    @ParameterizedTest
    @EnumSource
    void asManyStepsAreCompletedAsAreAskedFor(SamplerKind kind) {
        for (int steps : new int[] {1, 2, STEPS, 30}) {
            for (int skipped = 0; skipped < steps; skipped++) {
                SamplingPlan plan = config(kind).plan(steps, skipped);
                long completed = plan.steps().stream()
                        .filter(SamplingPlan.Step::completes)
                        .count();
                assertEquals(steps - skipped, completed, steps + " steps, of which " + skipped + " skipped");
                assertTrue(plan.steps().get(plan.steps().size() - 1).completes(), "the last call completes a step");
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void slotsAreWrittenBeforeTheyAreReadAndNoiseIsDrawnWhereItIsUsed(SamplerKind kind) {
        for (int skipped = 0; skipped < STEPS; skipped++) {
            SamplingPlan plan = withEta(kind).plan(STEPS, skipped);
            Set<Integer> written =
                    new HashSet<>(List.of(SamplingPlan.SAMPLE, SamplingPlan.OUTPUT, SamplingPlan.UNGUIDED));
            for (SamplingPlan.Step step : plan.steps()) {
                boolean usesNoise = false;
                for (SamplingPlan.Assignment assignment : step.assignments()) {
                    for (int slot : assignment.form().coefficients().keySet()) {
                        usesNoise |= slot == NOISE;
                        assertTrue(slot == NOISE || written.contains(slot), "slot " + slot + " in " + step);
                    }
                    assertTrue(assignment.slot() < plan.slots(), () -> "too few slots for " + assignment);
                    assertTrue(assignment.slot() == 0 || assignment.slot() >= HISTORY, () -> "writes " + assignment);
                    written.add(assignment.slot());
                }
                assertTrue(step.drawsNoise() || !usesNoise, () -> "noise is not drawn in " + step);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = SamplerKind.class,
            names = {"DDPM", "DDIM", "DDIM_TRAILING", "EULER", "EULER_A", "HEUN", "DPM2", "DPM2_A", "LCM", "TCD"})
    void samplersWithoutHistoryBeginInTheMiddleAsTheyGoOn(SamplerKind kind) {
        List<SamplingPlan.Step> all = withEta(kind).plan(STEPS, 0).steps();
        for (int skipped = 1; skipped < STEPS; skipped++) {
            List<SamplingPlan.Step> tail = withEta(kind).plan(STEPS, skipped).steps();
            assertEquals(all.subList(all.size() - tail.size(), all.size()).toString(), tail.toString());
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = SamplerKind.class,
            names = {"PNDM", "DPMPP_2M", "DPMPP_2M_SDE", "DPMPP_2M_SDE_HEUN", "UNIPC", "LMS", "DEIS"})
    void samplersWithHistoryVisitTheSameTimesFromTheMiddle(SamplerKind kind) {
        List<SamplingPlan.Step> all = config(kind).plan(STEPS, 0).steps();
        for (int skipped = 1; skipped < STEPS; skipped++) {
            List<SamplingPlan.Step> tail = config(kind).plan(STEPS, skipped).steps();
            assertEquals(
                    all.subList(skipped, all.size()).stream()
                            .map(SamplingPlan.Step::time)
                            .toList(),
                    tail.stream().map(SamplingPlan.Step::time).toList());
        }
    }

    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "DPM_ADAPTIVE") // makes one at a time
    void anImageDoesNotDependOnItsNeighbours(SamplerKind kind) {
        int size = 12;
        double[] first = noise(1, size);
        double[] second = noise(2, size);
        double[] both = Arrays.copyOf(first, 2 * size);
        System.arraycopy(second, 0, both, size, size);
        double[] together = run(kind, both, 2, size);
        assertArrayEquals(run(kind, first, 1, size), Arrays.copyOf(together, size), 0);
    }

    private static double[] run(SamplerKind kind, double[] start, int images, int size) {
        SamplingPlan plan = withEta(kind).plan(STEPS, 0);
        TorchCpuRandom[] streams = new TorchCpuRandom[images];
        Arrays.setAll(streams, i -> new TorchCpuRandom(100 + i));
        Supplier<double[]> draw = () -> {
            double[] all = new double[images * size];
            for (int i = 0; i < images; i++) {
                float[] one = streams[i].normal(size);
                for (int k = 0; k < size; k++) {
                    all[i * size + k] = one[k];
                }
            }
            return all;
        };
        return PlanInterpreter.run(
                plan, start, images, (x, time) -> FormulaModel.predict(x, time, size), draw, (step, x) -> {});
    }

    private static double[] noise(long seed, int count) {
        return new TorchCpuRandom(seed).normalDouble(count);
    }

    private static SchedulerConfig withEta(SamplerKind kind) {
        return kind.takes("eta") ? config(kind).with("eta", 0.5) : config(kind);
    }

    private static SchedulerConfig config(SamplerKind kind) {
        try {
            boolean isOfRange = kind.schedulerClass().isOfRange();
            String className = isOfRange ? kind.className() : "PNDMScheduler";
            JsonNode json = new ObjectMapper().readTree(MODEL.replace("PNDMScheduler", className));
            return SchedulerConfig.of("test", json).with(kind);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }
}
