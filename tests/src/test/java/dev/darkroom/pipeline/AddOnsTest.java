package dev.darkroom.pipeline;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.darkroom.image.InfoText;
import dev.darkroom.image.Picture;
import dev.darkroom.image.PictureReader;
import dev.darkroom.image.PngText;
import dev.darkroom.tensor.DType;
import dev.darkroom.weights.ReferenceFiles;
import dev.darkroom.weights.SafetensorsFile;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The reference set's small networks, on the processor. */
@DisplayName("Requests that use networks beside the model")
class AddOnsTest {
    private static final String NET = spec("checkpoints/controlnet");
    private static final String TAESD = spec("checkpoints/taesd");
    private static final String IP_ADAPTER = spec("checkpoints/ip_adapter/ip-adapter.safetensors");
    private static final Picture PICTURE = PictureReader.read(ReferenceFiles.of("pipelines/control.png"));
    private static Darkroom darkroom;

    @BeforeAll
    static void open() {
        darkroom = open("checkpoints/sd1");
    }

    @AfterAll
    static void close() {
        darkroom.close(); // throws when a tensor is still alive
    }

    private static Darkroom open(String model) {
        return Darkroom.builder(spec(model)).device("cpu").dtype(DType.F32).open();
    }

    private static String spec(String path) {
        return ReferenceFiles.of(path).toString();
    }

    private static Request.Builder small(AddOns addOns) {
        return Request.of("a horse").size(64, 64).steps(3).guidance(5).addOns(addOns);
    }

    private static Picture picture(AddOns addOns) {
        return darkroom.generate(small(addOns).build()).picture();
    }

    private static AddOns control(double strength, double start, double end, boolean guess) {
        return AddOns.NONE.with(new Control(NET, PICTURE, strength, start, end, guess));
    }

    @Test
    void aControlCountsAsItsStrengthAndWindowSay() {
        Picture plain = picture(AddOns.NONE);
        Picture guided = picture(control(1, 0, 1, false));
        assertNotEquals(plain, guided);
        assertEquals(plain, picture(control(0, 0, 1, false)), "a strength of 0");
        assertNotEquals(guided, picture(control(0.5, 0, 1, false)));
        assertNotEquals(guided, picture(control(1, 0, 0.5, false)));
        assertNotEquals(guided, picture(control(1, 0, 1, true)));
        assertEquals(plain, picture(control(1, 0.4, 0.6, false)), "no step lies wholly within the window");
    }

    @Test
    void twoControlsCountTogether() {
        AddOns one = control(0.5, 0, 1, false);
        Picture both = picture(one.with(new Control(NET, PICTURE.resize(32, 32), 0.5, 0, 1, true)));
        assertNotEquals(picture(one), both);
        assertEquals(both, picture(one.with(new Control(NET, PICTURE.resize(32, 32), 0.5, 0, 1, true))));
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void neighboursInABatchDoNotChangeAPicture(boolean guess) {
        AddOns addOns = control(0.9, 0, 1, guess).with(new ImagePrompt(IP_ADAPTER, embeddings(), 0.6));
        Result batch = darkroom.generate(small(addOns).seed(5).count(2).build());
        Result alone = darkroom.generate(small(addOns).seed(6).build());
        assertEquals(alone.picture(), batch.pictures().get(1));
    }

    private static List<float[]> embeddings() {
        SafetensorsFile file = SafetensorsFile.open(ReferenceFiles.of("unet/ip_adapter.safetensors"));
        return List.of(file.get("image_embeds").toFloats());
    }

    @Test
    void anImagePromptCountsAsItsScaleSays() {
        Picture plain = picture(AddOns.NONE);
        assertNotEquals(plain, picture(AddOns.NONE.with(new ImagePrompt(IP_ADAPTER, embeddings(), 0.6))));
        assertEquals(plain, picture(AddOns.NONE.with(new ImagePrompt(IP_ADAPTER, embeddings(), 0))));
    }

    @Test
    void aTinyAutoencoderDecodesAndDrawsPreviewsOfFullSize() {
        AddOns tiny = AddOns.NONE.decodedBy(TAESD).previewedBy(TAESD);
        List<Picture> previews = new ArrayList<>();
        Result result = darkroom.generate(small(tiny).build(), new Monitor() {
            @Override
            public void progress(Progress progress) {
                if (progress.stage() == Progress.Stage.STEP) {
                    previews.add(progress.preview().get());
                }
            }
        });
        Picture last = previews.get(previews.size() - 1);
        assertEquals(64, last.width());
        assertEquals(result.picture(), last, "the last preview is the picture");
        assertNotEquals(picture(AddOns.NONE), result.picture());
    }

    @Test
    void thePredictedPeakIsTheMeasuredOneWithAControlThatCountsLate() {
        AddOns addOns = control(1, 0.5, 1, false);
        Request request = small(addOns).size(256, 256).steps(4).build();
        long without = darkroom.estimate(
                        small(AddOns.NONE).size(256, 256).steps(4).build())
                .peakBytes();
        long predicted = darkroom.estimate(request).peakBytes();
        long measured = darkroom.generate(request).memory().peak();
        assertTrue(predicted > without, predicted + " against " + without);
        assertEquals(1, (double) predicted / measured, 0.25); // oneDNN's scratch memory is not predicted
    }

    @Test
    void networksOfAnEarlierRequestAreReleased() {
        picture(AddOns.NONE);
        long before = darkroom.device().pool().statistics().live();
        picture(control(1, 0, 1, false));
        assertTrue(darkroom.device().pool().statistics().live() > before);
        picture(AddOns.NONE);
        assertEquals(before, darkroom.device().pool().statistics().live());
    }

    @Test
    void thePngNamesTheControl() {
        Result result = darkroom.generate(small(control(0.9, 0, 0.8, false)).build());
        InfoText info = InfoText.parse(PngText.read(result.png(0), "png").getOrDefault("parameters", ""));
        String control = String.valueOf(info.values().get("ControlNet 0"));
        assertTrue(control.contains("Model: controlnet") && control.contains("Guidance End: 0.8"), control);
    }

    static Stream<Arguments> badAddOns() {
        return Stream.of(
                Arguments.of("control start is 0.7 and control end 0.2", control(1, 0.7, 0.2, false)),
                Arguments.of("control start is 0.5 and control end 0.5", control(1, 0.5, 0.5, false)),
                Arguments.of("control end is 1.5", control(1, 0, 1.5, false)),
                Arguments.of("control strength is NaN", control(Double.NaN, 0, 1, false)),
                Arguments.of("no ControlNet and no T2I-Adapter", AddOns.NONE.with(new Control(TAESD, PICTURE))),
                Arguments.of(
                        "they differ in channels of its levels: [6, 10, 8] against the model's [16, 24, 32, 32]",
                        AddOns.NONE.with(new Control(spec("t2i_adapter/full"), PICTURE))),
                Arguments.of(
                        "guess mode is for ControlNets",
                        AddOns.NONE.with(new Control(spec("t2i_adapter/full"), PICTURE, 1, 0, 1, true))),
                Arguments.of("no tiny autoencoder", AddOns.NONE.decodedBy(spec("checkpoints/sd1/vae"))),
                Arguments.of("is no IP-Adapter", AddOns.NONE.with(new ImagePrompt(TAESD, embeddings(), 1))),
                Arguments.of(
                        "takes embeddings of 20 channels, and the picture's has 3",
                        AddOns.NONE.with(new ImagePrompt(IP_ADAPTER, List.of(new float[3]), 1))));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("badAddOns")
    void whatDoesNotGoTogetherIsRefusedBeforeAnythingIsComputed(String message, AddOns addOns) {
        long allocations = darkroom.device().pool().statistics().allocations();
        InvalidRequestException refusal = assertThrows(
                InvalidRequestException.class,
                () -> darkroom.generate(small(addOns).build()));
        assertTrue(String.valueOf(refusal.getMessage()).contains(message), refusal.getMessage());
        assertEquals(allocations, darkroom.device().pool().statistics().allocations());
    }

    @Test
    void samplersWhoseStepsAreNotKnownBeforehandTakeNoControls() {
        Request request = small(control(1, 0, 1, false)).sampler("DPM adaptive").build();
        InvalidRequestException refusal = assertThrows(InvalidRequestException.class, () -> darkroom.generate(request));
        assertTrue(String.valueOf(refusal.getMessage()).contains("take another sampler"), refusal.getMessage());
    }

    @Test
    void aControlNetOfAnotherFamilyIsRefusedWithTheWidthsThatDiffer() {
        try (Darkroom sd2 = open("checkpoints/sd2")) {
            InvalidRequestException refusal = assertThrows(
                    InvalidRequestException.class,
                    () -> sd2.generate(small(control(1, 0, 1, false)).build()));
            String message = String.valueOf(refusal.getMessage());
            assertTrue(
                    message.contains("channels of the text: [32, 32, 32, 32] against the model's [40, 40, 40, 40]"),
                    message);
        }
    }
}
