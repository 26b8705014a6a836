package dev.darkroom.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.darkroom.tensor.Conv2dWeight;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.HostTensor;
import dev.darkroom.tensor.LinearWeight;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("software-cuda")
@DisplayName("Products whose tile and split a table names")
class ScheduledProductsTest {
    private static final int IMAGES = 3;
    private static final int DEPTH = 1040; // two splits by the rule
    private static final int OUT = 24;

    @TempDir
    private Path folder = Path.of("");

    @BeforeAll
    static void buildTheDevice() {
        assumeTrue(SoftwareCuda.build(), SoftwareCuda.NEEDS);
    }

    private static HostTensor random(int seed, int... dims) {
        Shape shape = Shape.of(dims);
        float[] values = new float[Math.toIntExact(shape.count())];
        Random random = new Random(seed);
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian() / 8;
        }
        return HostTensor.of("random", shape, values);
    }

    /** The results of a product of tokens, of three side by side, of GEGLU and of a convolution; for some of the images. */
    private static List<float[]> compute(CudaDevice device, int from, int to) {
        List<float[]> results = new ArrayList<>();
        try (Scope scope = Scope.open(device, "test")) {
            Ops ops = device.ops(scope);
            Tensor x = ops.upload(random(1, IMAGES, 5, DEPTH), DType.F16).rows(from, to);
            LinearWeight a = ops.linearWeight(random(2, OUT, DEPTH), random(3, OUT), DType.F16);
            LinearWeight b = ops.linearWeight(random(4, OUT, DEPTH), random(5, OUT), DType.F16);
            results.add(ops.linear(x, a).toHost());
            ops.linears(x, a, b, a).forEach(each -> results.add(each.toHost()));
            results.add(ops.linearGeglu(x, a, b).toHost());
            Conv2dWeight kernel =
                    ops.conv2dWeight(random(6, OUT, 120, 3, 3), null, Conv2dWeight.Geometry.same(3), DType.F16);
            Tensor map = ops.upload(random(7, IMAGES, 4, 4, 120), DType.F16).rows(from, to);
            results.add(ops.conv2d(map, kernel).toHost());
        }
        return results;
    }

    private static List<float[]> compute(String table) {
        try (CudaDevice device = (CudaDevice) LibraryDevice.open(table);
                CapturedLog log = CapturedLog.of(LibraryProducts.class)) {
            List<float[]> results = compute(device, 0, IMAGES);
            assertEquals(List.of(), log.lines());
            return results;
        }
    }

    private static void assertSameBits(List<float[]> expected, List<float[]> actual) {
        assertEquals(expected.size(), actual.size());
        for (int i = 0; i < expected.size(); i++) {
            assertArrayEquals(expected.get(i), actual.get(i), "result " + i);
        }
    }

    private static String all(String schedule) {
        return "linear -> own " + schedule + "\ngeglu -> own " + schedule + "\nconvolution -> own " + schedule + "\n";
    }

    /** The tile changes no bits, the split does: it is no use to test the one without seeing the other. */
    @Test
    void haveTheBitsOfTheirSplitWhateverTheTile() {
        List<float[]> byRule = compute("");
        assertSameBits(byRule, compute(all("tile=NARROW")));
        List<float[]> five = compute(all("split=5 tile=SMALL"));
        assertSameBits(five, compute(all("split=5 tile=TALL,2:NARROW")));
        for (int i = 0; i < five.size(); i++) {
            assertFalse(Arrays.equals(byRule.get(i), five.get(i)), "result " + i + " is not split into five");
            for (int j = 0; j < five.get(i).length; j++) {
                assertEquals(byRule.get(i)[j], five.get(i)[j], 4e-3 * (1 + Math.abs(byRule.get(i)[j])), "result " + i);
            }
        }
    }

    @Test
    void haveTheSameBitsAloneAndAmongOthers() {
        try (CudaDevice device = (CudaDevice) LibraryDevice.open(all("split=5 tile=SMALL,2:NARROW"))) {
            List<float[]> together = compute(device, 0, IMAGES);
            for (int image = 0; image < IMAGES; image++) {
                List<float[]> alone = compute(device, image, image + 1);
                for (int i = 0; i < alone.size(); i++) {
                    int length = alone.get(i).length;
                    float[] part = Arrays.copyOfRange(together.get(i), image * length, (image + 1) * length);
                    assertArrayEquals(part, alone.get(i), "image " + image + " of result " + i);
                }
            }
        }
    }

    @Test
    void goByTheRuleWithAWarningWhereTheyCannotBeComputedSo() {
        List<float[]> byRule = compute("");
        try (CudaDevice device = (CudaDevice) LibraryDevice.open("linear -> own split=34\ngeglu -> own tile=SCALAR\n");
                CapturedLog log = CapturedLog.of(LibraryProducts.class)) {
            assertSameBits(byRule, compute(device, 0, IMAGES));
            assertEquals(2, log.lines().size(), log.lines().toString());
            assertEquals(
                    "the test's table:1 asks own split=34 for linear f16 rows=5 in=1040 out=24: its depth of 1040 has 33 slices only;"
                            + " our own kernels serve it by rule of thumb",
                    log.lines().get(0));
            assertTrue(log.lines().get(1).startsWith("the test's table:2 asks own tile=SCALAR for geglu"));
        }
    }

    @Test
    void areMeasuredWithEachTileAndSplit() throws Exception {
        Path file = folder.resolve("table.txt");
        List<String> lines = new ArrayList<>();
        try (CudaDevice device = (CudaDevice) LibraryDevice.open("")) {
            try (Scope scope = Scope.open(device, "test")) {
                Ops ops = device.ops(scope);
                LinearWeight weight = ops.linearWeight(random(1, 16, 512), null, DType.F16);
                ops.linear(ops.upload(random(2, 1, 4, 512), DType.F16), weight);
            }
            device.tune(file, lines::add);
            assertEquals(
                    file.toString(),
                    ServingTables.read(file, device.gpu(), device.libraries()).origin());
        }
        assertEquals(1, lines.size());
        for (String choice :
                List.of("own split=1 tile=WIDE", "own split=2 tile=NARROW", "own split=1 tile=TALL", "cublas")) {
            assertTrue(lines.get(0).contains(", " + choice + " "), lines.get(0));
        }
        assertTrue(Files.readString(file).contains("linear f16 rows=4 in=512 out=16 -> "));
        try (CudaDevice device = (CudaDevice) LibraryDevice.open(Files.readString(file))) {
            assertEquals(6, compute(device, 0, 1).size());
        }
    }
}
