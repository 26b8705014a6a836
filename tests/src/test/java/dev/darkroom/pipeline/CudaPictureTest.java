package dev.darkroom.pipeline;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.darkroom.cuda.SoftwareCuda;
import dev.darkroom.image.Picture;
import dev.darkroom.tensor.DType;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** From a prompt to a picture through our own kernels. */
@Tag("software-cuda")
@Tag("gpu") // holds on a real one as well
@DisplayName("A picture from the cuda device")
class CudaPictureTest {
    private static final String MODEL = System.getProperty("darkroom.root") + "/models/demo";

    @BeforeAll
    static void buildTheDevice() {
        assumeTrue(SoftwareCuda.build(), SoftwareCuda.NEEDS);
    }

    @Test
    void inF32IsThatOfTheCpuDevice() {
        byte[] expected =
                picture("cpu", DType.F32, Request.NoiseSource.TORCH_CPU).rgb();
        byte[] given = picture("cuda", DType.F32, Request.NoiseSource.TORCH_CPU).rgb();
        assertEquals(expected.length, given.length);
        int near = 0;
        for (int pixel = 0; pixel < given.length; pixel += 3) {
            int largest = 0;
            for (int i = pixel; i < pixel + 3; i++) {
                largest = Math.max(largest, Math.abs((expected[i] & 0xff) - (given[i] & 0xff)));
            }
            near += largest <= 2 ? 1 : 0;
        }
        double share = 3.0 * near / given.length;
        assertTrue(share >= 0.99, share + " of the pixels are within 2 levels");
    }

    /** Guidance multiplies the rounding of f16 by 7: single pixels are off by many levels, depending on the noise, and all together by less than one. */
    @Test
    void inF16AndWithNoiseOfItsOwnIsNearIt() {
        byte[] expected =
                picture("cpu", DType.F32, Request.NoiseSource.TORCH_CUDA).rgb();
        byte[] given =
                picture("cuda", DType.F16, Request.NoiseSource.TORCH_CUDA).rgb();
        double sum = 0;
        for (int i = 0; i < given.length; i++) {
            sum += Math.abs((expected[i] & 0xff) - (given[i] & 0xff));
        }
        assertTrue(sum / given.length < 1, sum / given.length + " levels on the mean");
    }

    private static Picture picture(String device, DType dtype, Request.NoiseSource noise) {
        try (Darkroom darkroom =
                Darkroom.builder(MODEL).device(device).dtype(dtype).open()) {
            return darkroom.generate(Request.of("a red circle on a blue background")
                            .size(128, 128)
                            .steps(4)
                            .seed(42)
                            .noise(noise)
                            .build())
                    .picture();
        }
    }
}
