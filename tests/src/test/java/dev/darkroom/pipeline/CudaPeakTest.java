package dev.darkroom.pipeline;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.darkroom.cuda.SoftwareCuda;
import dev.darkroom.cuda.SoftwareFaults;
import dev.darkroom.image.Picture;
import dev.darkroom.tensor.DType;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What the dry device predicts is what the cuda device takes; kernels do not run, since only who takes what matters. */
@Tag("software-cuda")
@DisplayName("The peak memory of a request on the cuda device")
class CudaPeakTest {
    private static final String CHECKPOINTS = System.getProperty("darkroom.root") + "/tests/reference/checkpoints/";

    /** To whole pieces of this the memory of a recording is rounded, which shows in models as small as these; LaunchListTest has one of full size. */
    private static final int ROUNDING = 2 << 20;

    private SoftwareFaults faults;

    @BeforeEach
    void withoutKernels() {
        assumeTrue(SoftwareCuda.build(), SoftwareCuda.NEEDS);
        faults = SoftwareFaults.open();
        faults.reset();
        faults.compute(false);
    }

    @AfterEach
    void withKernels() {
        faults.compute(true);
    }

    static Stream<Arguments> models() {
        return Stream.of("sd1", "sdxl")
                .flatMap(model -> Stream.of(DType.F32, DType.F16).map(dtype -> Arguments.of(model, dtype)));
    }

    @ParameterizedTest
    @MethodSource("models")
    void isPredictedWithinFivePercent(String model, DType dtype) {
        try (Darkroom darkroom = Darkroom.builder(CHECKPOINTS + model)
                .device("cuda")
                .dtype(dtype)
                .open()) {
            long weights = darkroom.device().pool().statistics().live();
            Request.Builder text = Request.of("a boat").steps(2).guidance(5);
            assertEquals(weights, darkroom.estimate(text.build()).weightBytes(), 0.001 * weights, "weights");
            predicts(darkroom, "txt2img", text.size(128, 192).build());
            predicts(darkroom, "batch", text.size(128, 128).count(2).build());
            Picture init = new Picture(128, 128, new byte[3 * 128 * 128]);
            predicts(darkroom, "img2img", text.init(init).strength(0.9).count(1).build());
        }
    }

    private static void predicts(Darkroom darkroom, String name, Request request) {
        long predicted = darkroom.estimate(request).peakBytes();
        long peak = darkroom.generate(request).memory().peak();
        assertEquals(peak, predicted, 0.05 * peak + ROUNDING, name);
    }

    @Test
    void thatIsMoreThanTheDeviceHasIsRefusedBeforeAnythingIsComputed() {
        try (Darkroom darkroom =
                Darkroom.builder(CHECKPOINTS + "sd1").device("cuda").open()) {
            faults.reset();
            InvalidRequestException e = assertThrows(
                    InvalidRequestException.class,
                    () -> darkroom.generate(
                            Request.of("a boat").size(16384, 16384).build()));
            assertTrue(String.valueOf(e.getMessage()).contains("and device cuda:0 has "), e.getMessage());
            assertEquals(0, faults.count(SoftwareFaults.Call.LAUNCH));
        }
    }
}
