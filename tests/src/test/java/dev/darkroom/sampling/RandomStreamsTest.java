package dev.darkroom.sampling;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.darkroom.weights.ReferenceFiles;
import dev.darkroom.weights.SafetensorsFile;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** The numbers that torch draws on the CPU (reference/rng); names there are KIND/SEED/COUNT. */
@DisplayName("correctness 39: random numbers are torch's")
class RandomStreamsTest {
    private static final float FLOAT_TOLERANCE =
            2e-6f; // absolute; torch's float32 logarithm and cosine differ between processors
    private static final float HALF_TOLERANCE = 2e-3f; // absolute; one unit in the last place of a float16 below 4

    private final SafetensorsFile cpu = SafetensorsFile.open(ReferenceFiles.of("rng/torch_cpu.safetensors"));

    @Test
    void normalNumbersAreTorchsForEverySeedAndCount() {
        for (String name : names(cpu, "cpu/")) {
            float[] expected = cpu.get(name).toFloats();
            float[] actual = new TorchCpuRandom(seed(name)).normal(expected.length);
            assertArrayEquals(expected, actual, FLOAT_TOLERANCE, name);
        }
    }

    @Test
    void aStreamGoesOnFromCallToCallAsTorchsGeneratorDoes() {
        for (String name : names(cpu, "cpu/")) {
            TorchCpuRandom random = new TorchCpuRandom(seed(name));
            for (int count : new int[] {10, 20}) { // three calls of 10, which leave a pair half used, then three of 20
                float[] expected =
                        cpu.get("cpu_sequence/" + seed(name) + "/" + count).toFloats();
                for (int call = 0; call < 3; call++) {
                    float[] slice = Arrays.copyOfRange(expected, call * count, (call + 1) * count);
                    assertArrayEquals(slice, random.normal(count), FLOAT_TOLERANCE, name + " call " + call);
                }
            }
        }
    }

    @Test
    void halvesDoublesAndUniformNumbersAreTorchs() {
        for (String name : names(cpu, "cpu_half/")) {
            float[] expected = cpu.get(name).toFloats();
            assertArrayEquals(
                    expected, new TorchCpuRandom(seed(name)).normalHalf(expected.length), HALF_TOLERANCE, name);
        }
        for (String name : names(cpu, "cpu_double/")) {
            float[] expected = cpu.get(name).toFloats(); // stored rounded to float32
            double[] actual = new TorchCpuRandom(seed(name)).normalDouble(expected.length);
            for (int i = 0; i < expected.length; i++) {
                assertEquals(expected[i], (float) actual[i], Math.ulp(expected[i]), name);
            }
        }
        for (String name : names(cpu, "cpu_uniform/")) {
            float[] expected = cpu.get(name).toFloats();
            assertArrayEquals(expected, new TorchCpuRandom(seed(name)).uniform(expected.length), 0f, name);
        }
    }

    @Test
    void onlyTheLow32BitsOfASeedCount() {
        long seed = 42;
        assertArrayEquals(new TorchCpuRandom(seed).normal(20), new TorchCpuRandom(seed + (1L << 32)).normal(20));
    }

    private static List<String> names(SafetensorsFile file, String prefix) {
        List<String> names =
                file.names().stream().filter(name -> name.startsWith(prefix)).toList();
        assertTrue(!names.isEmpty(), "the reference has " + prefix);
        return names;
    }

    private static long seed(String name) {
        return Long.parseLong(name.split("/")[1]);
    }
}
