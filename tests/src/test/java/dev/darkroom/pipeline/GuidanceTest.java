package dev.darkroom.pipeline;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.darkroom.device.Devices;
import dev.darkroom.models.unet.UNet;
import dev.darkroom.prompt.PromptRules;
import dev.darkroom.sampling.SamplerKind;
import dev.darkroom.sampling.SamplingPlan;
import dev.darkroom.sampling.SchedulerConfig;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Device;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import dev.darkroom.weights.ModelFiles;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.function.BiFunction;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@DisplayName("correctness 11: steps are guided by the texts that the prompt gives them")
class GuidanceTest {
    private static final Path CHECKPOINTS =
            Path.of(System.getProperty("darkroom.root")).resolve("tests/reference/checkpoints");
    private static final int LATENT = 4;
    private static final int STEPS = 4;

    /** A job of one image without noise, by Euler's method. */
    private static Job job(String prompt, double guidance, double rescale, int steps) {
        Texts prompts = Texts.repeated(prompt, prompt, 1, 1).readBy(PromptRules.A1111);
        Texts negative = Texts.repeated("blurry", "blurry", 1, 1).readBy(PromptRules.A1111);
        return job(prompts, Optional.of(negative), guidance, rescale, steps, SamplerKind.EULER);
    }

    private static Job job(
            Texts prompts, Optional<Texts> negative, double guidance, double rescale, int steps, SamplerKind kind) {
        SamplingPlan plan = SchedulerConfig.of(
                        "test",
                        JsonNodeFactory.instance
                                .objectNode()
                                .put("_class_name", "DDIMScheduler")
                                .put("beta_schedule", "scaled_linear"))
                .with(kind)
                .plan(steps, 0);
        MicroConditioning size = MicroConditioning.of(8 * LATENT, 8 * LATENT, 0);
        return new Job(
                prompts,
                negative,
                8 * LATENT,
                8 * LATENT,
                size,
                size,
                plan,
                plan.steps().size(),
                guidance,
                rescale,
                Optional.empty(),
                () -> (ops, shape) -> {
                    throw new IllegalStateException("this sampler draws no noise");
                });
    }

    private interface Body<T> extends BiFunction<Ops, LoadedModel, T> {}

    private static <T> T with(String checkpoint, Body<T> body) {
        try (Device device = Devices.open("cpu", 2);
                LoadedModel model = LoadedModel.of(
                        device, ModelFiles.open(CHECKPOINTS.resolve(checkpoint).toString()), DType.F32);
                Scope scope = Scope.open(device, "request")) {
            return body.apply(device.ops(scope), model);
        }
    }

    private static Denoiser denoiser(Ops ops, LoadedModel model, Job job) {
        UNet unet = model.networks().unet();
        return new Denoiser(unet, PromptEmbeddings.of(ops, model, job).guidance(ops, unet, job), job);
    }

    private static List<Tensor> steps(Ops ops, LoadedModel model, Job job, List<Tensor> before, int from, int to) {
        return denoiser(ops, model, job).run(ops, before, from, to, job.noise().get(), (i, sample, again) -> {});
    }

    private static Tensor start(Ops ops) {
        Random random = new Random(3);
        float[] values = new float[LATENT * LATENT * 4];
        for (int i = 0; i < values.length; i++) {
            values[i] = 10 * (float) random.nextGaussian();
        }
        return ops.upload(Shape.of(1, LATENT, LATENT, 4), values);
    }

    /** The sample after all steps. */
    private static float[] sample(String checkpoint, Job job) {
        return with(checkpoint, (ops, model) -> steps(ops, model, job, List.of(start(ops)), 0, STEPS)
                .get(0)
                .toHost());
    }

    @ParameterizedTest
    @ValueSource(strings = {"sd1", "sdxl"})
    void aScheduledPromptIsOneTextAndThenTheOther(String checkpoint) {
        float[] expected = with(checkpoint, (ops, model) -> {
            List<Tensor> half = steps(ops, model, job("a cat", 5, 0, STEPS), List.of(start(ops)), 0, 1);
            return steps(ops, model, job("a dog, asleep", 5, 0, STEPS), half, 1, STEPS)
                    .get(0)
                    .toHost();
        });
        assertArrayEquals(expected, sample(checkpoint, job("a [cat:dog, asleep:0.25]", 5, 0, STEPS)));
        assertFalse(Arrays.equals(expected, sample(checkpoint, job("a cat", 5, 0, STEPS))));
    }

    @Test
    void theNegativePromptIsScheduledToo() {
        Texts cat = Texts.repeated("a cat", "a cat", 1, 1).readBy(PromptRules.A1111);
        Job scheduled =
                job(cat, Optional.of(cat.with(List.of("[blurry|dark]"), List.of(""))), 5, 0, 2, SamplerKind.EULER);
        PromptProgram program = PromptProgram.of(scheduled, true);
        assertEquals(List.of(0, 1), program.variantOfCall());
        assertEquals(
                List.of("blurry", "dark"),
                program.variants().stream()
                        .map(each -> each.negative().orElseThrow().first().get(0))
                        .toList());
        assertEquals(1, PromptProgram.of(scheduled, false).variants().size()); // without guidance nobody looks at it
    }

    @Test
    void allCallsOfAStepSeeTheSameText() {
        Texts texts = Texts.repeated("[a:b:1]", "[a:b:1]", 1, 1).readBy(PromptRules.A1111);
        PromptProgram heun = PromptProgram.of(job(texts, Optional.empty(), 5, 0, 3, SamplerKind.HEUN), true);
        assertEquals(List.of(0, 0, 1, 1, 1), heun.variantOfCall());
    }

    /** u + s · Σ w (p - u) is linear, and so is a step of Euler's method: it can be checked on samples. */
    @Test
    void promptsJoinedByAndAddUp() {
        // Texts of a job are filled up to equal length.
        float[] u = sampleOfOneStep(job("blurry BREAK BREAK", 1, 0, STEPS));
        float[] a = sampleOfOneStep(job("a cat BREAK BREAK", 1, 0, STEPS));
        float[] b = sampleOfOneStep(job("a dog BREAK asleep", 1, 0, STEPS));
        float[] given = sampleOfOneStep(job("a cat:0.7 AND a dog BREAK asleep:-0.4", 3, 0, STEPS));
        float[] expected = new float[u.length];
        for (int i = 0; i < expected.length; i++) {
            expected[i] = (float) (u[i] + 3 * (0.7 * (a[i] - u[i]) - 0.4 * (b[i] - u[i])));
        }
        assertFalse(Arrays.equals(u, a));
        assertArrayEquals(expected, given, 2e-4f);
    }

    private static float[] sampleOfOneStep(Job job) {
        return with("sd1", (ops, model) -> steps(ops, model, job, List.of(start(ops)), 0, 1)
                .get(0)
                .toHost());
    }

    @Test
    void aPromptOfWeightOneGuidesAsItDoesAlone() {
        for (double rescale : new double[] {0, 0.7}) {
            float[] alone = sample("sd1", job("a cat", 5, rescale, STEPS));
            assertArrayEquals(alone, sample("sd1", job("a cat AND a dog:0", 5, rescale, STEPS)), 1e-3f);
            assertArrayEquals(alone, sample("sd1", job("a cat:0.5 AND a cat:0.5", 5, rescale, STEPS)), 1e-3f);
        }
        assertArrayEquals( // composed without guidance: the two make one prediction
                sample("sd1", job("a cat", 1, 0, STEPS)),
                sample("sd1", job("a cat:0.5 AND a cat:0.5", 1, 0, STEPS)),
                1e-3f);
    }

    @Test
    void imagesWhosePromptsDifferInFormNeedJobsOfTheirOwn() {
        Texts texts = new Texts(List.of("a", "b:0.5"), List.of("a", "b:0.5"), 1, PromptRules.A1111);
        Job weights = job(texts, Optional.empty(), 5, 0, 2, SamplerKind.EULER);
        assertThrows(IllegalArgumentException.class, () -> PromptProgram.of(weights, true));
        Texts lengths = new Texts(List.of("a", "b BREAK c"), List.of("a", "b BREAK c"), 1, PromptRules.A1111);
        Job chunks = job(lengths, Optional.empty(), 5, 0, 2, SamplerKind.EULER);
        assertThrows(
                IllegalArgumentException.class,
                () -> with("sd1", (ops, model) -> PromptEmbeddings.of(ops, model, chunks)));
        Texts parts = new Texts(List.of("a AND b"), List.of("a AND b AND c"), 1, PromptRules.A1111);
        Job divided = job(parts, Optional.empty(), 5, 0, 2, SamplerKind.EULER);
        assertThrows(InvalidRequestException.class, () -> PromptProgram.of(divided, true));
    }
}
