package dev.darkroom.pipeline;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.darkroom.cuda.CudaDevice;
import dev.darkroom.cuda.SoftwareCuda;
import dev.darkroom.models.unet.UNet;
import dev.darkroom.models.unet.UNetConfig;
import dev.darkroom.nn.Parameters;
import dev.darkroom.sampling.SamplerKind;
import dev.darkroom.sampling.SamplingPlan;
import dev.darkroom.sampling.SchedulerConfig;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.HostTensor;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.RecordingStatistics;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import dev.darkroom.weights.MadeUpWeights;
import dev.darkroom.weights.WeightPath;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A small U-Net with random weights: replayed steps must give the bits of steps that run operation by operation. */
@Tag("software-cuda")
@Tag("gpu") // holds on a real one as well
@DisplayName("Denoising steps that are replayed")
class RecordedStepsTest {
    private static final String CONFIG = """
            {"_class_name": "UNet2DConditionModel", "block_out_channels": [16, 32], "layers_per_block": 1,
             "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"],
             "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D"],
             "attention_head_dim": 2, "cross_attention_dim": 16, "norm_num_groups": 4}
            """;
    private static final int TOKENS = 5;
    private static final int LATENT = 4;

    private static CudaDevice device;
    private static Scope weights;
    private static UNet unet;
    private RecordingStatistics before;
    private long liveBefore;

    @BeforeAll
    static void makeTheNetwork() throws IOException {
        assumeTrue(SoftwareCuda.build(), SoftwareCuda.NEEDS);
        device = CudaDevice.open(0, /* poison= */ true);
        weights = Scope.open(device, "weights");
        UNetConfig config = UNetConfig.of("small", new ObjectMapper().readTree(CONFIG));
        Random random = new Random(5);
        WeightPath path = WeightPath.of(new MadeUpWeights((name, shape) -> weight(random, name, shape)));
        unet = new UNet(new Parameters(device.ops(weights), DType.F16, path), config);
    }

    @AfterAll
    static void closeTheDevice() {
        if (device != null) {
            weights.close();
            device.close();
        }
    }

    @BeforeEach
    void startCounting() {
        before = device.recordings();
        liveBefore = device.pool().statistics().live();
    }

    @AfterEach
    void nothingIsLeftAlive() {
        assertEquals(liveBefore, device.pool().statistics().live());
    }

    /** Normal, and so small that activations stay of order 1. */
    private static HostTensor weight(Random random, String name, Shape shape) {
        double deviation = shape.rank() < 2 ? 0.1 : 1 / Math.sqrt((double) shape.count() / shape.dim(0));
        float[] values = normal(random, Math.toIntExact(shape.count()));
        for (int i = 0; i < values.length; i++) {
            values[i] *= (float) deviation;
        }
        return HostTensor.of(name, shape, values);
    }

    @ParameterizedTest
    @CsvSource({
        "EULER, 4, 5, 0, false",
        "EULER_A, 4, 5, 0, false",
        "DPMPP_2M, 4, 1, 0, false",
        "PNDM, 6, 1, 0, false", // with fewer it never takes four outputs together
        "DDIM, 4, 5, 0.7, true",
        "EULER_CFG_PP, 4, 5, 0, false",
        "DDIM_CFG_PP, 4, 5, 0.7, true",
        "DPMPP_3M_SDE, 4, 5, 0, false",
    })
    void haveTheBitsOfDirectOnes(SamplerKind kind, int steps, double guidance, double rescale, boolean clips) {
        Supplier<Job> first = () -> job(kind, steps, 2, guidance, rescale, clips, 1);
        List<float[]> direct = direct(first, 1);
        before = device.recordings();
        assertSame(direct, replayed(first, 1));
        assertEquals(
                new RecordingStatistics(1, 1, direct.size() - 2),
                device.recordings().since(before));
        // Another text, other noise, another number of steps: the same graph.
        Supplier<Job> second = () -> job(kind, steps + 1, 2, guidance, rescale, clips, 8);
        direct = direct(second, 2);
        before = device.recordings();
        assertSame(direct, replayed(second, 2));
        assertEquals(
                new RecordingStatistics(0, 0, direct.size()),
                device.recordings().since(before));
    }

    /** Of DPM adaptive: trials are plans of other steps, and one graph. */
    @Test
    void areOneGraphForAllTrialsOfAnAdaptiveSolver() {
        Supplier<Job> job = () -> job(SamplerKind.DPM_ADAPTIVE, 3, 1, 5, 0, false, 6);
        List<float[]> direct = direct(job, 1);
        before = device.recordings();
        assertSame(direct, replayed(job, 1));
        RecordingStatistics since = device.recordings().since(before);
        assertEquals(1, since.recorded());
        assertEquals(3 * direct.size() - 2, since.replayed()); // of three calls for each trial
    }

    @Test
    void areRecordedForEachNumberOfImages() {
        Supplier<Job> two = () -> job(SamplerKind.LMS, 3, 2, 1, 0, false, 3);
        Supplier<Job> one = () -> job(SamplerKind.LMS, 3, 1, 1, 0, false, 3);
        assertSame(direct(two, 1), replayed(two, 1));
        assertSame(direct(one, 1), replayed(one, 1));
        assertEquals(2, device.recordings().since(before).recorded());
        assertSame(direct(two, 2), replayed(two, 2));
        assertEquals(2, device.recordings().since(before).recorded());
    }

    @Test
    void endWhereTheListenerEndsThem() {
        Supplier<Job> job = () -> job(SamplerKind.HEUN, 3, 2, 5, 0, false, 4);
        List<float[]> expected = direct(job, 1);
        assertThrows(
                CancelledException.class,
                () -> run(job.get(), 1, (i, sample, again) -> {
                    if (i == 2) {
                        throw new CancelledException("enough");
                    }
                }));
        assertEquals(liveBefore, device.pool().statistics().live());
        before = device.recordings();
        assertSame(expected, replayed(job, 1));
        assertEquals(expected.size(), device.recordings().since(before).replayed());
    }

    private static Job job(
            SamplerKind kind, int steps, int images, double guidance, double rescale, boolean clips, long seed) {
        ObjectNode json = new ObjectMapper().createObjectNode();
        json.put("_class_name", "DDIMScheduler")
                .put("beta_schedule", "scaled_linear")
                .put("clip_sample", clips)
                .put("skip_prk_steps", true);
        Texts prompts = Texts.repeated("", "", images, 1);
        MicroConditioning size = MicroConditioning.of(8 * LATENT, 8 * LATENT, 0);
        SamplingPlan plan = SchedulerConfig.of("test", json).with(kind).plan(steps, 0);
        return new Job(
                prompts,
                Optional.of(prompts),
                8 * LATENT,
                8 * LATENT,
                size,
                size,
                plan,
                plan.steps().size(),
                guidance,
                rescale,
                Optional.empty(),
                () -> noise(seed));
    }

    /** The same draws whenever they are asked for anew: draw k of a job is that of seed + k. */
    private static Noise noise(long seed) {
        long[] next = {seed};
        return Noise.fromHost(shape -> normal(new Random(next[0]++), Math.toIntExact(shape.count())));
    }

    /** The samples after each step, without recording anything. */
    private static List<float[]> direct(Supplier<Job> job, long text) {
        device.observe((path, tensor) -> {});
        try {
            return replayed(job, text);
        } finally {
            device.observe(null);
        }
    }

    private static List<float[]> replayed(Supplier<Job> job, long text) {
        List<float[]> samples = new ArrayList<>();
        run(job.get(), text, (i, sample, again) -> samples.add(sample.toHost()));
        return samples;
    }

    private static void run(Job job, long text, Denoiser.StepListener listener) {
        try (Scope scope = Scope.open(device, "request")) {
            Ops ops = device.ops(scope);
            int n = job.images();
            int texts = Denoiser.isGuided(unet.config(), job) ? 2 * n : n;
            Random random = new Random(text);
            HostTensor context =
                    HostTensor.of("context", Shape.of(texts, TOKENS, 16), normal(random, texts * TOKENS * 16));
            var conditioning = unet.condition(ops, ops.upload(context, DType.F16));
            Tensor start = ops.upload(Shape.of(n, LATENT, LATENT, 4), normal(new Random(2), n * LATENT * LATENT * 4));
            new Denoiser(unet, conditioning, job).run(ops, start, listener);
        }
    }

    private static float[] normal(Random random, int count) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }

    private static void assertSame(List<float[]> expected, List<float[]> given) {
        assertEquals(expected.size(), given.size());
        for (int i = 0; i < given.size(); i++) {
            assertTrue(Float.isFinite(given.get(i)[0]));
            assertArrayEquals(expected.get(i), given.get(i), "after step " + i);
        }
    }
}
