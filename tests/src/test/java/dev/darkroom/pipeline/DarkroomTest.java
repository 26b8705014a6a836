package dev.darkroom.pipeline;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.darkroom.image.InfoText;
import dev.darkroom.image.Picture;
import dev.darkroom.image.PictureReader;
import dev.darkroom.image.PngText;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Requests to the demo model, through the Java API. */
final class DarkroomTest {
    private static Darkroom darkroom;

    @BeforeAll
    static void openTheDemoModel() {
        darkroom = Darkroom.open(System.getProperty("darkroom.root") + "/models/demo");
    }

    @AfterAll
    static void closeIt() {
        darkroom.close(); // throws when a tensor is still alive
    }

    @AfterEach
    void onlyTheWeightsAreStillAlive() {
        String scopes = darkroom.device().pool().largestScopes(8);
        assertTrue(scopes.startsWith("\"weights\" ") && !scopes.contains(","), scopes);
    }

    private static Request.Builder small(String prompt) {
        return Request.of(prompt).size(64, 64).steps(3).guidance(5);
    }

    @Test
    void theSameSeedGivesTheSameBytesAndAnotherSeedAnotherPicture() {
        byte[] first = darkroom.generate(small("a red circle").seed(1).build()).png(0);
        assertArrayEquals(
                first, darkroom.generate(small("a red circle").seed(1).build()).png(0));
        assertNotEquals(
                PictureReader.read(first, "first"),
                darkroom.generate(small("a red circle").seed(2).build()).picture());
    }

    @ParameterizedTest
    @ValueSource(strings = {"DDIM", "Euler a", "DPM++ SDE", "LCM", "DDIM CFG++"})
    void neighboursInABatchDoNotChangeAPicture(String sampler) {
        Result batch = darkroom.generate(
                small("a blue star").sampler(sampler).seed(10).count(3).build());
        for (int i = 0; i < 3; i++) {
            Result alone = darkroom.generate(
                    small("a blue star").sampler(sampler).seed(10 + i).build());
            assertEquals(alone.picture(), batch.pictures().get(i), sampler + ", picture " + i);
            assertEquals(10L + i, batch.seeds().get(i));
        }
    }

    @Test
    void norDoTheyWithNoiseThatTheDeviceDraws() {
        Request.Builder request = small("a blue star").sampler("Euler a").noise(Request.NoiseSource.TORCH_CUDA);
        Result batch = darkroom.generate(request.seed(10).count(2).build());
        Result alone = darkroom.generate(request.seed(11).count(1).build());
        assertEquals(alone.picture(), batch.pictures().get(1));
        assertNotEquals(
                alone.picture(),
                darkroom.generate(request.noise(Request.NoiseSource.TORCH_CPU).build())
                        .picture());
    }

    @Test
    void norDoTheyWithABrownianPathThatTheDeviceDraws() {
        Request.Builder request = small("a blue star").sampler("DPM++ 2M SDE").noise(Request.NoiseSource.TORCH_CUDA);
        Result batch = darkroom.generate(request.seed(10).count(2).build());
        assertEquals(
                darkroom.generate(request.seed(11).count(1).build()).picture(),
                batch.pictures().get(1));
    }

    @Test
    void anAdaptiveSolverComesToItsEnd() {
        Request request = small("a red circle").sampler("DPM adaptive").seed(2).build();
        List<Double> trials = darkroom.generate(request).timings().steps();
        assertTrue(trials.size() > 3 && trials.size() < 100, trials.size() + " trials");
    }

    @Test
    void aBatchFromAPictureIsAsIndependent() {
        Picture init = darkroom.generate(small("a house").build()).picture();
        Request.Builder request = small("a tree").init(init).strength(0.7).seed(3);
        Result batch = darkroom.generate(request.count(2).build());
        assertEquals(
                darkroom.generate(request.count(1).seed(4).build()).picture(),
                batch.pictures().get(1));
    }

    @Test
    void strengthDecidesHowMuchOfThePictureStays() {
        Picture init = darkroom.generate(
                        Request.of("a green tree on a sunny day").guidance(5).build())
                .picture();
        double little = distance(
                init,
                darkroom.generate(Request.of("a night sky")
                                .init(init)
                                .strength(0.15)
                                .build())
                        .picture());
        double much = distance(
                init,
                darkroom.generate(Request.of("a night sky")
                                .init(init)
                                .strength(0.95)
                                .build())
                        .picture());
        assertTrue(little < 0.5 * much, little + " against " + much);
    }

    /** The mean difference of their values, which lie between -1 and 1. */
    private static double distance(Picture a, Picture b) {
        byte[] x = a.rgb();
        byte[] y = b.rgb();
        double sum = 0;
        for (int i = 0; i < x.length; i++) {
            sum += Math.abs((x[i] & 0xff) - (y[i] & 0xff)) / 127.5;
        }
        return sum / x.length;
    }

    @Test
    void thePngSaysHowThePictureWasMade() {
        Result result = darkroom.generate(small("a ring, red")
                .negativePrompt("blue")
                .sampler("DPM++ 2M Karras")
                .clipSkip(2)
                .seed(5)
                .build());
        InfoText info = InfoText.parse(text(result, "parameters"));
        assertEquals("a ring, red", info.prompt());
        assertEquals("blue", info.negativePrompt());
        assertEquals("DPM++ 2M", info.values().get("Sampler"));
        assertEquals("Karras", info.values().get("Schedule type"));
        assertEquals("5", info.values().get("Seed"));
        assertEquals("64x64", info.values().get("Size"));
        assertEquals("2", info.values().get("Clip skip"));
        assertTrue(text(result, "darkroom").contains("\"prompt\":\"a ring, red\""));
    }

    private static String text(Result result, String keyword) {
        return PngText.read(result.png(0), "png").getOrDefault(keyword, "");
    }

    @Test
    void progressComesAfterEveryStepWithAPreview() {
        List<Integer> steps = new ArrayList<>();
        List<Picture> previews = new ArrayList<>();
        darkroom.generate(small("a yellow fish").build(), new Monitor() {
            @Override
            public void progress(Progress progress) {
                if (progress.stage() == Progress.Stage.STEP) {
                    steps.add(progress.step());
                    previews.add(progress.preview().get());
                }
            }
        });
        assertEquals(4, steps.size()); // PNDM calls the model once more than it has steps
        assertEquals(8, previews.get(0).width());
        assertNotEquals(previews.get(0), previews.get(3));
    }

    @Test
    void aPreviewHasTheColoursOfItsPictureAndNotOfAnother() {
        Previewed hills = previewed("purple hills at sunset");
        Previewed tree = previewed("a green tree on a sunny day");
        double between = distance(hills.small(), tree.small());
        assertTrue(distance(hills.preview, hills.small()) < 0.6 * between);
        assertTrue(distance(tree.preview, tree.small()) < 0.6 * between);
    }

    /** A picture and the preview after its last step. */
    private record Previewed(Picture picture, Picture preview) {
        Picture small() {
            return picture.resize(preview.width(), preview.height());
        }
    }

    private Previewed previewed(String prompt) {
        List<Picture> previews = new ArrayList<>();
        Picture picture = darkroom.generate(Request.of(prompt).guidance(5).build(), new Monitor() {
                    @Override
                    public void progress(Progress progress) {
                        if (progress.stage() == Progress.Stage.STEP) {
                            previews.add(progress.preview().get());
                        }
                    }
                })
                .picture();
        return new Previewed(picture, previews.get(previews.size() - 1));
    }

    @Test
    void aCancelledRequestEndsAtTheNextStepAndTheNextOneWorks() {
        int[] seen = new int[1];
        assertThrows(
                CancelledException.class,
                () -> darkroom.generate(small("a car").steps(20).build(), new Monitor() {
                    @Override
                    public void progress(Progress progress) {
                        seen[0] = progress.step();
                    }

                    @Override
                    public boolean isCancelled() {
                        return seen[0] >= 2;
                    }
                }));
        assertEquals(2, seen[0]);
        darkroom.generate(small("a car").build());
    }

    @Test
    void wordsThatFindNoRoomAreNamed() {
        Result result =
                darkroom.generate(small("a red circle ".repeat(30) + "zebra").build());
        assertEquals(1, result.warnings().size());
        assertTrue(result.warnings().get(0).contains("zebra"), result.warnings().get(0));
    }

    @Test
    void thePredictedPeakIsTheMeasuredOne() {
        Request request =
                Request.of("a boat").size(256, 192).steps(2).guidance(5).build();
        Estimate estimate = darkroom.estimate(request);
        long measured = darkroom.generate(request).memory().peak();
        assertEquals(1, (double) estimate.peakBytes() / measured, 0.25); // oneDNN's scratch memory is not predicted
    }

    static Stream<Arguments> badRequests() {
        return Stream.of(
                bad("steps is 0", request -> request.steps(0)),
                bad("cfg scale is NaN", request -> request.guidance(Double.NaN)),
                bad("strength is 1.5", request -> request.strength(1.5)),
                bad("strength is -0.1", request -> request.strength(-0.1)),
                bad("guidance rescale is 2.0", request -> request.guidanceRescale(2)),
                bad("eta is -1.0", request -> request.eta(-1)),
                bad("clip skip is 13; must be 1 to 12", request -> request.clipSkip(13)),
                bad("width is 65; must be a positive multiple of 8", request -> request.size(65, 64)),
                bad("height is -8", request -> request.size(64, -8)),
                bad("batch count is 0", request -> request.count(0)),
                bad("unknown sampler \"eular\"; known are DDPM, DDIM", request -> request.sampler("eular")),
                bad("unknown schedule \"kerras\"", request -> request.schedule("kerras")),
                bad("has no schedule but discrete", request -> request.sampler("DDIM")
                        .schedule("karras")),
                bad("has no schedule but discrete, asked for is Karras", request -> request.sampler("DPM fast")
                        .schedule("karras")),
                bad("LMS has no eta; it belongs to", request -> request.sampler("LMS")
                        .eta(1)),
                bad("DPM adaptive depend on the picture", request -> request.sampler("DPM adaptive")
                        .count(2)),
                bad("EDM Euler is not for models", request -> request.sampler("EDM Euler")),
                bad("of memory", request -> request.size(80000, 80000)),
                bad("leaves no step to run", request -> request.init(new Picture(8, 8, new byte[192]))
                        .strength(0.1)),
                bad("takes at most 50 steps", request -> request.sampler("LCM").steps(51)));
    }

    private static Arguments bad(String message, Consumer<Request.Builder> change) {
        return Arguments.of(message, change);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("badRequests")
    void whatCannotBeDoneIsRefusedBeforeAnythingIsComputed(String message, Consumer<Request.Builder> change) {
        Request.Builder request = small("a cat");
        change.accept(request);
        long allocations = darkroom.device().pool().statistics().allocations();
        InvalidRequestException refusal =
                assertThrows(InvalidRequestException.class, () -> darkroom.generate(request.build()));
        assertTrue(String.valueOf(refusal.getMessage()).contains(message), refusal.getMessage());
        assertEquals(allocations, darkroom.device().pool().statistics().allocations());
    }

    /** The share of prompts whose colour the demo model gets right is measured here, so that it cannot sink unseen. */
    @Test
    void theDemoModelDrawsTheBackgroundThatThePromptNames() {
        List<String> colours =
                List.of("red", "orange", "yellow", "green", "blue", "purple", "pink", "black", "white", "cyan");
        List<String> shapes = List.of("circle", "star", "heart");
        int right = 0;
        int total = 0;
        for (String background : colours) {
            for (String shape : shapes) {
                String colour = colours.get((colours.indexOf(background) + 4) % colours.size());
                String prompt = String.format(Locale.ROOT, "a %s %s on a %s background", colour, shape, background);
                Picture picture = darkroom.generate(Request.of(prompt)
                                .sampler("DPM++ 2M")
                                .steps(12)
                                .guidance(5)
                                .seed(total)
                                .build())
                        .picture();
                total++;
                right += Colours.nearest(Colours.ofBorder(picture)).equals(background) ? 1 : 0;
            }
        }
        System.out.println("demo model: background colour right in " + right + " of " + total + " prompts");
        assertTrue(right >= 12, right + " of " + total);
    }
}
