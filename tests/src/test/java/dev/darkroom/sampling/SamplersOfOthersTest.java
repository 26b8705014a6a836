package dev.darkroom.sampling;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.darkroom.weights.ReferenceFiles;
import dev.darkroom.weights.SafetensorsFile;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * Samplers and schedules that diffusers does not have, named as users name them, against tests/reference/schedulers-k, which was computed from the
 * papers' formulas. What each call of the network sees, and when, and the last sample must agree.
 */
class SamplersOfOthersTest {
    private static final double TOLERANCE = 1e-6; // of the largest magnitude in a sample
    private static final double TIME_TOLERANCE = 1e-4; // absolute; times are stored in float32
    private static final String MODEL = """
            {"_class_name": "PNDMScheduler", "beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012,
             "steps_offset": 1, "skip_prk_steps": true, "set_alpha_to_one": false, "clip_sample": false,
             "timestep_spacing": "leading"}""";

    private final SafetensorsFile file = SafetensorsFile.open(ReferenceFiles.of("schedulers-k/samplers.safetensors"));

    @TestFactory
    Stream<DynamicTest> everyCallSeesWhatItShould() throws IOException {
        JsonNode cases = new ObjectMapper()
                .readTree(ReferenceFiles.of("schedulers-k/index.json").toFile())
                .path("cases");
        assertTrue(cases.size() > 30, "the index names its cases");
        return cases.properties().stream()
                .map(each -> DynamicTest.dynamicTest(title(each), () -> compare(each.getKey(), each.getValue())));
    }

    /** Those of the checklist of correctness carry its number. */
    private static String title(Map.Entry<String, JsonNode> each) {
        return switch (each.getKey()) {
            case "2m_karras" ->
                "correctness 33: Karras's levels, and times by interpolation in the logarithm: 2m_karras";
            case "dpm2", "dpm2_a", "3m_sde" ->
                "correctness 34: the level before the last is left out: " + each.getKey();
            case "euler_a_eta" -> "correctness 35: Euler a splits its step by eta: euler_a_eta";
            default -> each.getKey();
        };
    }

    private void compare(String id, JsonNode entry) throws IOException {
        SamplingPlan plan = plan(entry);
        double[] start = doubles(file.get("start").toFloats());
        int size = start.length;
        float[] tape = file.get("noise").toFloats();
        List<double[]> inputs = new ArrayList<>();
        List<Double> times = new ArrayList<>();
        int[] draws = {0};
        double[] last = PlanInterpreter.run(
                plan,
                Arrays.stream(start).map(x -> x * plan.initialNoiseScale()).toArray(),
                1,
                new PlanInterpreter.Model() {
                    @Override
                    public double[] predict(double[] input, double time) {
                        inputs.add(input.clone());
                        times.add(time);
                        return FormulaModel.predict(input, time, size);
                    }

                    @Override
                    public double[] predictUnguided(double[] input, double time) {
                        return FormulaModel.predict(input, time + 50, size);
                    }
                },
                () -> doubles(Arrays.copyOfRange(tape, draws[0] * size, ++draws[0] * size)),
                (step, x) -> {});
        assertEquals(entry.path("calls").asInt(), times.size(), "calls of the network");
        float[] expectedTimes = file.get(id + "/times").toFloats();
        for (int i = 0; i < expectedTimes.length; i++) {
            assertEquals(expectedTimes[i], times.get(i), TIME_TOLERANCE, "time of call " + i);
        }
        float[] expectedInputs = file.get(id + "/inputs").toFloats();
        for (int k = 0; k < entry.path("kept").size(); k++) {
            int call = entry.path("kept").get(k).asInt();
            assertClose(
                    "input of call " + call,
                    Arrays.copyOfRange(expectedInputs, k * size, (k + 1) * size),
                    inputs.get(call));
        }
        assertClose("last sample", file.get(id + "/last").toFloats(), last);
    }

    private static SamplingPlan plan(JsonNode entry) throws IOException {
        SamplerKind kind = SamplerKind.parse(entry.path("sampler").asText()).kind();
        SchedulerConfig config =
                SchedulerConfig.of("test", new ObjectMapper().readTree(MODEL)).with(kind);
        String schedule = entry.path("schedule").asText();
        if (!schedule.isEmpty()) {
            config = config.with(SigmaSchedule.parse(schedule, kind));
        }
        for (Map.Entry<String, JsonNode> each : entry.path("parameters").properties()) {
            config = config.with(each.getKey(), each.getValue().asDouble());
        }
        return config.plan(entry.path("steps").asInt(), 0);
    }

    private static void assertClose(String what, float[] expected, double[] actual) {
        double largest = 0;
        double difference = 0;
        for (int i = 0; i < actual.length; i++) {
            largest = Math.max(largest, Math.abs(expected[i]));
            difference = Math.max(difference, Math.abs(actual[i] - expected[i]));
        }
        double error = difference / largest;
        assertTrue(error <= TOLERANCE, () -> what + " is off by " + error);
    }

    private static double[] doubles(float[] values) {
        double[] doubles = new double[values.length];
        Arrays.setAll(doubles, i -> values[i]);
        return doubles;
    }
}
