package dev.darkroom.pipeline;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.darkroom.cuda.CudaDevice;
import dev.darkroom.cuda.SoftwareCuda;
import dev.darkroom.image.Picture;
import dev.darkroom.image.PictureReader;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.RecordingStatistics;
import dev.darkroom.weights.ReferenceFiles;
import java.util.List;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The reference set's small networks: replayed steps must draw the pictures of steps that run operation by operation. */
@Tag("software-cuda")
@DisplayName("Denoising steps that pictures guide, replayed")
class RecordedGuidesTest {
    private static final String NET =
            ReferenceFiles.of("checkpoints/controlnet").toString();

    @Test
    void drawThePicturesOfDirectOnes() {
        assumeTrue(SoftwareCuda.build(), SoftwareCuda.NEEDS);
        Picture shown = PictureReader.read(ReferenceFiles.of("pipelines/control.png"));
        AddOns half = AddOns.NONE.with(new Control(NET, shown, 0.8, 0, 0.5, true));
        String model = ReferenceFiles.of("checkpoints/sd1").toString();
        try (Darkroom darkroom =
                Darkroom.builder(model).device("cuda").dtype(DType.F16).open()) {
            CudaDevice device = (CudaDevice) darkroom.device();
            Request request = Request.of("a horse")
                    .size(32, 32)
                    .steps(6)
                    .guidance(5)
                    .sampler("Euler")
                    .addOns(half)
                    .build();
            device.observe((path, tensor) -> {});
            Picture direct = darkroom.generate(request).picture();
            device.observe(null);
            RecordingStatistics before = device.recordings();
            Picture replayed = darkroom.generate(request).picture();
            RecordingStatistics counted = device.recordings().since(before);
            assertEquals(direct, replayed);
            assertEquals(2, counted.recorded(), "a graph for guided steps, and one for the others");
            assertTrue(counted.replayed() >= 2, counted.toString());
            Request plain = Request.of("a horse")
                    .size(32, 32)
                    .steps(6)
                    .guidance(5)
                    .sampler("Euler")
                    .build();
            Result unguided = darkroom.generate(plain);
            assertNotEquals(direct, unguided.picture());
            assertEquals(List.of(), unguided.warnings());
        }
    }
}
