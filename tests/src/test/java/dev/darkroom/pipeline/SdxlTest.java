package dev.darkroom.pipeline;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.darkroom.image.Picture;
import dev.darkroom.sampling.SchedulerConfig;
import dev.darkroom.tensor.DType;
import dev.darkroom.weights.ModelFamily;
import dev.darkroom.weights.ModelFiles;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What SDXL's pipeline does beside the reference cases: options, files, and the refiner. */
@DisplayName("SDXL")
class SdxlTest {
    private static final String PROMPT = "a red bicycle leaning against a white wall";

    @TempDir
    private static Path folder = Path.of("");

    private static Path refiner = Path.of("");
    private static Darkroom sdxl;

    @BeforeAll
    static void open() {
        refiner = TinyCheckpoints.refiner(folder.resolve("refiner"));
        sdxl = builder(TinyCheckpoints.of("sdxl")).open();
    }

    @AfterAll
    static void close() {
        sdxl.close(); // throws when a tensor is still alive
    }

    private static Darkroom.Builder builder(Path model) {
        return Darkroom.builder(model.toString()).device("cpu").threads(1).dtype(DType.F32);
    }

    private static Request.Builder small() {
        return Request.of(PROMPT).size(32, 32).steps(3).guidance(5).seed(3);
    }

    private static Picture picture(Request.Builder request) {
        return sdxl.generate(request.build()).picture();
    }

    private static SdxlOptions told(
            SdxlOptions.@Nullable Size original, SdxlOptions.@Nullable Corner crop, SdxlOptions.@Nullable Size target) {
        return new SdxlOptions(null, null, original, crop, target, null, null, null, null, null);
    }

    @Test
    @DisplayName("correctness 7: no negative prompt means zeros, an empty one is encoded")
    void tellsNoNegativePromptFromAnEmptyOne() {
        Picture none = picture(small());
        assertEquals(none, picture(small().negativePrompt(null)));
        assertNotEquals(none, picture(small().negativePrompt("")));
    }

    @Test
    @DisplayName(
            "correctness 8: original size, crop and target size each change the picture, and are the picture's own by default")
    void isToldSizes() {
        SdxlOptions.Size own = new SdxlOptions.Size(32, 32);
        SdxlOptions.Corner none = new SdxlOptions.Corner(0, 0);
        Picture usual = picture(small());
        assertEquals(usual, picture(small().sdxl(told(own, none, own))));
        assertNotEquals(usual, picture(small().sdxl(told(new SdxlOptions.Size(256, 32), none, own))));
        assertNotEquals(usual, picture(small().sdxl(told(own, new SdxlOptions.Corner(0, 300), own))));
        assertNotEquals(usual, picture(small().sdxl(told(own, none, new SdxlOptions.Size(900, 32)))));
    }

    @Test
    @DisplayName(
            "correctness 8: six numbers for the base model, height before width, and five for the refiner, the score last")
    void numbersStandInTheirOrder() {
        MicroConditioning size = new MicroConditioning(1, 2, 3, 4, 5, 6, 2.5);
        assertArrayEquals(new float[] {1, 2, 3, 4, 5, 6}, size.numbers(6));
        assertArrayEquals(new float[] {1, 2, 3, 4, 2.5f}, size.numbers(5));
        assertThrows(IllegalArgumentException.class, () -> size.numbers(4));
        SdxlOptions options = SdxlOptions.NONE;
        assertEquals(6, options.size(64, 32).aestheticScore());
        assertEquals(2.5, options.negativeSize(64, 32).aestheticScore());
        assertArrayEquals(
                new float[] {32, 64, 0, 0, 32, 64}, options.negativeSize(64, 32).numbers(6));
    }

    @Test
    void takesATextOfItsOwnForTheSecondEncoder() {
        SdxlOptions second = new SdxlOptions("two cats", null, null, null, null, null, null, null, null, null);
        assertNotEquals(picture(small()), picture(small().sdxl(second)));
        SdxlOptions same = new SdxlOptions(PROMPT, null, null, null, null, null, null, null, null, null);
        assertEquals(picture(small()), picture(small().sdxl(same)));
    }

    @Test
    @DisplayName("correctness 21: guidance of 1 or less asks the network once a step, whatever the negative prompt")
    void isNotGuidedByOneOrLess() {
        Picture one = picture(small().guidance(1).negativePrompt("blurry"));
        assertEquals(one, picture(small().guidance(0).negativePrompt("something else")));
        assertNotEquals(one, picture(small().guidance(1.5).negativePrompt("blurry")));
    }

    /** Turbo and Lightning: trailing times; the request names no sampler. */
    @ParameterizedTest(name = "{0}, {1} steps")
    @CsvSource({
        "EulerAncestralDiscreteScheduler, 1, 999",
        "EulerDiscreteScheduler, 4, '999, 749, 499, 249'",
        "LCMScheduler, 4, '999, 759, 499, 259'"
    })
    void takesTheStepsThatItsSchedulerSays(String scheduler, int steps, String times) {
        Path distilled = TinyCheckpoints.copy("sdxl", folder.resolve(scheduler));
        TinyCheckpoints.edit(
                distilled.resolve("scheduler/scheduler_config.json"),
                json -> json.put("_class_name", scheduler).put("timestep_spacing", "trailing"));
        ModelFiles files = ModelFiles.open(distilled.toString());
        SchedulerConfig config = SchedulerConfig.of("test", files.config("scheduler"));
        try (LoadedModel model = LoadedModel.of(sdxl.device(), files, DType.F32)) {
            Job job = new RequestCheck(model, config, false)
                    .job(small().steps(steps).guidance(0).build());
            List<String> planned = job.plan().steps().stream()
                    .map(step -> Long.toString(Math.round(step.time())))
                    .toList();
            assertEquals(times, String.join(", ", planned));
        }
    }

    /** A refiner that is the model itself takes up where the model left off, history of the sampler included. */
    @ParameterizedTest
    @CsvSource({"DPM++ 2M, 0.6", "Heun, 0.3", "Euler a, 0.5"})
    void refinedByItselfIsUnchanged(String sampler, double share) {
        Request.Builder request = small().sampler(sampler).steps(5);
        Picture expected = sdxl.generate(request.build()).picture();
        try (Darkroom both = builder(TinyCheckpoints.of("sdxl"))
                .refiner(TinyCheckpoints.of("sdxl").toString())
                .open()) {
            Request refined = request.refinerSwitchAt(OptionalDouble.of(share)).build();
            assertEquals(expected, both.generate(refined).picture());
        }
    }

    @Test
    void refinedTakesItsLastStepsWithTheRefiner() {
        List<Picture> previews = new ArrayList<>();
        Monitor watch = new Monitor() {
            @Override
            public void progress(Progress progress) {
                if (progress.stage() == Progress.Stage.STEP) {
                    previews.add(progress.preview().get());
                }
            }
        };
        Request.Builder request = small().steps(10);
        sdxl.generate(request.build(), watch);
        try (Darkroom both =
                builder(TinyCheckpoints.of("sdxl")).refiner(refiner.toString()).open()) {
            Result result = both.generate(request.build(), watch);
            assertEquals("0.8", result.info(0).values().get("Refiner switch at"));
            assertEquals("refiner", result.info(0).values().get("Refiner"));
            assertTrue(both.estimate(request.build()).weightBytes()
                    > sdxl.estimate(request.build()).weightBytes());
        }
        // Times are 901, 801 … 1: of these 101 and 1 are below 200, where the refiner begins.
        assertEquals(previews.subList(0, 8), previews.subList(10, 18));
        assertNotEquals(previews.get(8), previews.get(18));
    }

    @Test
    void refinerAloneImprovesAPictureButBeginsNone() {
        try (Darkroom alone = builder(refiner).open()) {
            assertEquals(ModelFamily.SDXL_REFINER, alone.model().family());
            InvalidRequestException e =
                    assertThrows(InvalidRequestException.class, () -> alone.generate(small().build()));
            assertTrue(String.valueOf(e.getMessage()).contains("cannot begin one"), e.getMessage());
            Request.Builder request = small().init(picture(small())).strength(0.5);
            Picture usual = alone.generate(request.build()).picture();
            SdxlOptions ugly = new SdxlOptions(null, null, null, null, null, null, null, null, 1.0, null);
            assertNotEquals(usual, alone.generate(request.sdxl(ugly).build()).picture());
        }
    }

    @Test
    void refinerInASingleFileIsTheSame() {
        Path file = TinyCheckpoints.singleFile(refiner, folder.resolve("r.safetensors"), Map.of(), Map.of());
        ModelFiles single = ModelFiles.open(file.toString());
        assertEquals(ModelFamily.SDXL_REFINER, single.family());
        for (String field : List.of("addition_time_embed_dim", "projection_class_embeddings_input_dim")) {
            assertEquals(
                    ModelFiles.open(refiner.toString()).config("unet").path(field),
                    single.config("unet").path(field),
                    field);
        }
        assertEquals(false, single.index().path("force_zeros_for_empty_prompt").asBoolean());
    }

    @Test
    @DisplayName("correctness 22: the scale of SDXL's latents is 0.13025 in folders and in single files")
    void hasItsScale() {
        Path file = TinyCheckpoints.singleFile(
                TinyCheckpoints.of("sdxl"), folder.resolve("s.safetensors"), Map.of(), Map.of());
        for (Path model : List.of(TinyCheckpoints.of("sdxl"), file)) {
            try (LoadedModel loaded = LoadedModel.of(sdxl.device(), ModelFiles.open(model.toString()), DType.F32)) {
                assertEquals(0.13025f, loaded.networks().vaeConfig().scalingFactor());
            }
        }
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource({
        "sd1, refiner, a refiner goes behind an SDXL base model",
        "refiner, refiner, a refiner goes behind an SDXL base model",
        "sdxl, sd1, whose latents mean nothing to SDXL"
    })
    void refusesARefinerThatDoesNotGoWithTheModel(String base, String behind, String message) {
        InvalidRequestException e = assertThrows(
                InvalidRequestException.class,
                () -> builder(model(base)).refiner(model(behind).toString()).open());
        assertTrue(String.valueOf(e.getMessage()).contains(message), e.getMessage());
    }

    private static Path model(String name) {
        return name.equals("refiner") ? refiner : TinyCheckpoints.of(name);
    }

    @Test
    void refusesARefinerThatPredictsSomethingElse() {
        Path other = TinyCheckpoints.copy("sdxl", folder.resolve("v"));
        TinyCheckpoints.edit(
                other.resolve("scheduler/scheduler_config.json"), json -> json.put("prediction_type", "v_prediction"));
        InvalidRequestException e =
                assertThrows(InvalidRequestException.class, () -> builder(TinyCheckpoints.of("sdxl"))
                        .refiner(other.toString())
                        .open());
        assertTrue(String.valueOf(e.getMessage()).contains("predict different things"), e.getMessage());
    }

    @Test
    void refusesWhatIsNotItsOwn() {
        refused(sdxl, small().refinerSwitchAt(OptionalDouble.of(0.5)), "there is no refiner; name one");
        refused(sdxl, small().sdxl(told(new SdxlOptions.Size(0, 5), null, null)), "a size for SDXL is 0x5");
        refused(sdxl, small().sdxl(told(null, new SdxlOptions.Corner(-1, 5), null)), "the crop for SDXL is -1,5");
        SdxlOptions score = new SdxlOptions(null, null, null, null, null, null, null, null, Double.NaN, null);
        refused(sdxl, small().sdxl(score), "the aesthetic score is NaN; must be 0 to 10");
        refused(sdxl, small().size(60, 64), "width is 60; must be a positive multiple of 8");
        refused(sdxl, small().clipSkip(4), "clip skip is 4; must be 1 to 3");
        try (Darkroom sd1 = builder(TinyCheckpoints.of("sd1")).open()) {
            refused(sd1, small().sdxl(told(new SdxlOptions.Size(64, 64), null, null)), "are options of SDXL");
        }
        try (Darkroom both =
                builder(TinyCheckpoints.of("sdxl")).refiner(refiner.toString()).open()) {
            refused(both, small().refinerSwitchAt(OptionalDouble.of(1)), "must be above 0 and below 1");
            refused(both, small().refinerSwitchAt(OptionalDouble.of(0.9999)), "leaves none of the 3 steps");
        }
    }

    private static void refused(Darkroom darkroom, Request.Builder request, String message) {
        InvalidRequestException e =
                assertThrows(InvalidRequestException.class, () -> darkroom.generate(request.build()));
        assertTrue(String.valueOf(e.getMessage()).contains(message), e.getMessage());
    }

    @Test
    void whoseNetworksDoNotFitTogetherTakeTurns() {
        Request request = small().size(192, 192).steps(1).build();
        Picture expected = sdxl.generate(request).picture();
        long together = sdxl.estimate(request).peakBytes();
        long inTurns = sdxl.estimateInTurns(request).peakBytes();
        try (Darkroom little =
                builder(TinyCheckpoints.of("sdxl")).memoryLimit(together - 1).open()) {
            little.device().pool().setDirect(true); // or what segments leave free would be more than the networks take
            assertEquals(inTurns, little.estimate(request).peakBytes());
            Result result = little.generate(request);
            assertEquals(expected, result.picture());
            assertTrue(result.warnings().get(0).contains("each was loaded when its turn came"), "no line says so");
            assertTrue(result.memory().peak() < together, result.memory().peak() + " of " + together);
            assertEquals(expected, little.generate(request).picture());
        }
    }
}
