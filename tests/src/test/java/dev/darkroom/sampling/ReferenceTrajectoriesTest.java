package dev.darkroom.sampling;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.darkroom.tensor.HostTensor;
import dev.darkroom.weights.ReferenceFiles;
import dev.darkroom.weights.SafetensorsFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Every trajectory of reference/schedulers, call by call: the formula of the index stands for the model, and noise is taken from the tape. */
class ReferenceTrajectoriesTest {
    private static final double TOLERANCE = 1e-6; // of the largest magnitude in a sample
    private static final double FRACTIONAL_TIME_TOLERANCE = 2e-3; // absolute; whole times must agree exactly

    @TestFactory
    Stream<DynamicTest> everySampleOfTheTrajectoryAgrees() throws IOException {
        JsonNode index = new ObjectMapper()
                .readTree(ReferenceFiles.of("schedulers/index.json").toFile())
                .path("files");
        List<DynamicTest> tests = new ArrayList<>();
        for (Map.Entry<String, JsonNode> file : index.properties()) {
            for (Map.Entry<String, JsonNode> entry :
                    file.getValue().path("cases").properties()) {
                if (SamplerKind.hasClass(entry.getValue().path("class").asText())) {
                    tests.add(DynamicTest.dynamicTest(
                            entry.getKey(),
                            () -> new Case(path(file.getKey()), entry.getKey(), entry.getValue()).compare()));
                }
            }
        }
        assertFalse(tests.isEmpty(), "the index names no trajectory of a known sampler");
        return tests.stream();
    }

    /** A file of the copy in the repository, else of the whole set; where that is not here either, the test is skipped. */
    private static Path path(String file) {
        Path copy = ReferenceFiles.of("schedulers/" + file);
        return Files.exists(copy) ? copy : ReferenceFiles.ofWholeSet("schedulers/" + file);
    }

    private static final class Case {
        private final SafetensorsFile file;
        private final String id;
        private final JsonNode entry;
        private final SamplingPlan plan;

        Case(Path path, String id, JsonNode entry) {
            this.file = SafetensorsFile.open(path);
            this.id = id;
            this.entry = entry;
            ObjectNode config = entry.path("config").deepCopy();
            config.set("_class_name", entry.path("class"));
            entry.path("step_arguments").properties().forEach(each -> config.set(each.getKey(), each.getValue()));
            plan = SchedulerConfig.of(id, config).plan(entry.path("steps").asInt(), 0);
        }

        void compare() {
            assertEquals(entry.path("model_calls").asInt(), plan.steps().size(), "model calls");
            assertEquals(entry.path("init_noise_sigma").asDouble(), plan.initialNoiseScale(), 1e-9);
            long draws =
                    plan.steps().stream().filter(SamplingPlan.Step::drawsNoise).count();
            assertEquals(entry.path("noise_draws").asInt(), draws, "draws of noise");
            // Where float32 decides a whole time by rounding, the set holds both outcomes; either will do.
            boolean exact = file.has(id + "/exact_timesteps") && timesAgree(floats("exact_timesteps"));
            assertTrue(exact || timesAgree(floats("timesteps")), () -> "times are " + times());
            compareSamples(floats(exact ? "exact_latents" : "latents"));
        }

        private void compareSamples(float[] expected) {
            HostTensor start = file.get("start");
            double[] sample = doubles(start.toFloats());
            Arrays.setAll(sample, i -> sample[i] * plan.initialNoiseScale());
            int images = start.shape().dim(0);
            int size = sample.length / images;
            int[] draws = {0};
            compareSample(0, sample, expected);
            PlanInterpreter.run(
                    plan,
                    sample,
                    images,
                    (input, time) -> FormulaModel.predict(input, time, size),
                    () -> doubles(slice(floats("noise"), draws[0]++, sample.length)),
                    (step, x) -> compareSample(step + 1, x, expected));
        }

        private void compareSample(int step, double[] actual, float[] expected) {
            float[] reference = slice(expected, step, actual.length);
            double largest = 0;
            double difference = 0;
            for (int i = 0; i < actual.length; i++) {
                largest = Math.max(largest, Math.abs(reference[i]));
                difference = Math.max(difference, Math.abs(actual[i] - reference[i]));
            }
            double error = difference / largest;
            assertTrue(error <= TOLERANCE, () -> "the sample after call " + step + " is off by " + error);
        }

        private List<Double> times() {
            return plan.steps().stream().map(SamplingPlan.Step::time).toList();
        }

        private boolean timesAgree(float[] expected) {
            List<Double> times = times();
            for (int i = 0; i < times.size(); i++) {
                boolean whole = expected[i] == Math.rint(expected[i]) && times.get(i) == Math.rint(times.get(i));
                double tolerance = whole ? 0 : FRACTIONAL_TIME_TOLERANCE;
                if (!(Math.abs(times.get(i) - expected[i]) <= tolerance)) {
                    return false;
                }
            }
            return expected.length == times.size();
        }

        private float[] floats(String name) {
            return file.get(id + "/" + name).toFloats();
        }

        private static float[] slice(float[] values, int index, int size) {
            return Arrays.copyOfRange(values, index * size, (index + 1) * size);
        }

        private static double[] doubles(float[] values) {
            double[] doubles = new double[values.length];
            Arrays.setAll(doubles, i -> values[i]);
            return doubles;
        }
    }
}
