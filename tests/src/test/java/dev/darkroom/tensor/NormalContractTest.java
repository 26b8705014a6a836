package dev.darkroom.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.darkroom.pipeline.Noise;
import dev.darkroom.pipeline.Request;
import dev.darkroom.tensor.Devices.Subject;
import dev.darkroom.weights.ReferenceFiles;
import dev.darkroom.weights.SafetensorsFile;
import java.util.Arrays;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@DisplayName("Normal numbers that the device draws are those of torch on CUDA devices")
class NormalContractTest extends OnEveryDevice {
    private static final double TOLERANCE = 1e-6; // of each number's own size

    private static final long[] SEEDS = {0, 42, 1L << 32, 0x1234_5678_9abc_def0L, -1};

    NormalContractTest(Subject subject) {
        super(subject);
    }

    /** The numbers of reference/rng, computed in double precision: torch draws [c, h, w] in order, a device holds [h, w, c]. */
    @ParameterizedTest
    @ValueSource(longs = {0, 42})
    void theyAreThoseOfTheReference(long seed) {
        SafetensorsFile file = SafetensorsFile.open(ReferenceFiles.of("rng/torch_cuda_philox.safetensors"));
        float[] first = ChannelOrder.toChannelsLast(
                file.get("cuda/" + seed + "/1x4x64x64").toFloats(), 1, 4, 64, 64);
        assertNear(first, ops.normal(streams(0, seed), 64, 64, 4).toHost());
        float[] second = file.get("cuda_second_call/" + seed + "/16").toFloats();
        assertNear(second, ops.normal(streams(1, seed), 1, 16, 1).toHost());
    }

    @Test
    void eachImageHasItsOwnStreamAndTheBitsItHasAlone() {
        int[][] sizes = {{1, 1, 1}, {7, 5, 3}, {1, 255, 4}, {17, 241, 1}};
        for (int[] size : sizes) {
            float[] all =
                    ops.normal(streams(3, SEEDS), size[0], size[1], size[2]).toHost();
            int perImage = all.length / SEEDS.length;
            for (int image = 0; image < SEEDS.length; image++) {
                float[] one = Arrays.copyOfRange(all, image * perImage, (image + 1) * perImage);
                float[] alone = ops.normal(streams(3, SEEDS[image]), size[0], size[1], size[2])
                        .toHost();
                assertArrayEquals(alone, one);
                assertNear(onTheHost(SEEDS[image], 3, size), one);
            }
        }
    }

    @Test
    void aJobsNoiseGoesOnFromDrawToDraw() {
        long seed = (1L << 32) - 1; // the second image's has more than 32 bits
        Noise noise = Noise.seeded(Request.NoiseSource.TORCH_CUDA, seed, 2);
        int[] size = {3, 5, 4};
        for (int draw = 0; draw < 3; draw++) {
            Tensor drawn = noise.draw(ops, Shape.of(2, 3, 5, 4));
            assertEquals("f32 [2, 3, 5, 4]", drawn.dtype() + " " + drawn.shape());
            assertNear(onTheHost(seed, draw, size), drawn.rows(0, 1).toHost());
            assertNear(onTheHost(seed + 1, draw, size), drawn.rows(1, 2).toHost());
        }
    }

    /** Mean and variance within four deviations of theirs; Kolmogorov and Smirnov's distance below its bound of one in 10^5. */
    @Test
    void theyAreNormal() {
        float[] sorted = ops.normal(streams(0, 5), 128, 128, 4).toHost();
        Arrays.sort(sorted);
        int count = sorted.length;
        double mean = 0;
        double squares = 0;
        double distance = 0;
        for (int i = 0; i < count; i++) {
            mean += sorted[i] / count;
            squares += (double) sorted[i] * sorted[i] / count;
            double share = ErrorFunction.erfc(-sorted[i] / Math.sqrt(2)) / 2;
            distance = Math.max(distance, Math.max(share - (double) i / count, (i + 1.0) / count - share));
        }
        assertEquals(0, mean, 4 / Math.sqrt(count));
        assertEquals(1, squares, 4 * Math.sqrt(2.0 / count));
        assertTrue(distance < 2.47 / Math.sqrt(count), "Kolmogorov-Smirnov distance " + distance);
    }

    /** i32 [n, 3]: draw number {@code draw} of each seed. */
    private Tensor streams(int draw, long... seeds) {
        int[] words = new int[3 * seeds.length];
        for (int i = 0; i < seeds.length; i++) {
            words[3 * i] = (int) seeds[i];
            words[3 * i + 1] = (int) (seeds[i] >>> 32);
            words[3 * i + 2] = draw;
        }
        return ops.upload(Shape.of(seeds.length, 3), words);
    }

    /** @param size height, width and channels */
    private static float[] onTheHost(long seed, int draw, int[] size) {
        float[] values = new float[size[0] * size[1] * size[2]];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) Philox.normal(seed, draw, i);
        }
        return ChannelOrder.toChannelsLast(values, 1, size[2], size[0], size[1]);
    }

    private static void assertNear(float[] expected, float[] actual) {
        assertEquals(expected.length, actual.length);
        for (int i = 0; i < expected.length; i++) {
            assertEquals(expected[i], actual[i], TOLERANCE * Math.abs(expected[i]), "number " + i);
        }
    }
}
