package dev.darkroom.cpu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.HalfFloats;
import dev.darkroom.tensor.Tensor;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@DisplayName("Attention on the CPU")
class CpuAttentionTest {
    /** Sizes of one call: n images, heads of some channels, t queries, s keys. */
    private record Sizes(int n, int heads, int width, int t, int s, boolean causal) {
        int channels() {
            return heads * width;
        }
    }

    @ParameterizedTest(name = "{0} images, {1} heads of {2}, {3} queries, {4} keys, causal {5}")
    @CsvSource({
        "1, 1, 1, 1, 1, false",
        "2, 2, 4, 7, 5, false",
        "1, 3, 5, 31, 33, false",
        "2, 4, 8, 77, 77, true",
        "1, 2, 16, 130, 130, true",
        "1, 2, 8, 600, 600, true", // several tiles under one mask
        "1, 8, 40, 300, 77, false",
        "2, 2, 80, 129, 1500, false", // several tiles, the last of one row
        "1, 5, 24, 1100, 260, false", // several tiles of heads and rows
        "1, 1, 512, 40, 64, false",
    })
    void isAtMostTwiceAsWrongAsTheFormulaInTheSameType(int n, int heads, int width, int t, int s, boolean causal) {
        Sizes sizes = new Sizes(n, heads, width, t, s, causal);
        try (CpuFixture cpu = new CpuFixture()) {
            float[] q = cpu.numbers(n * t * sizes.channels(), 2);
            float[] k = cpu.numbers(n * s * sizes.channels(), 1);
            float[] v = cpu.numbers(n * s * sizes.channels(), 1);
            double[] truth = attention(sizes, q, k, v, null);
            for (DType dtype : CpuFixture.TYPES) {
                double[] formula = attention(sizes, q, k, v, dtype);
                float[] rounded = new float[formula.length];
                for (int i = 0; i < rounded.length; i++) {
                    rounded[i] = (float) formula[i];
                }
                // Two roundings of the result are allowed for where the formula happens to be exact.
                double allowed = 2 * CpuFixture.error(rounded, truth) + (dtype == DType.F32 ? 0x1p-23 : 0x1p-8);
                cpu.run(ops -> {
                    Tensor y = ops.attention(
                            CpuFixture.upload(ops, dtype, q, n, t, sizes.channels()),
                            CpuFixture.upload(ops, dtype, k, n, s, sizes.channels()),
                            CpuFixture.upload(ops, dtype, v, n, s, sizes.channels()),
                            heads,
                            causal);
                    double error = CpuFixture.error(y.toHost(), truth);
                    assertTrue(error <= allowed, dtype + ": error " + error + ", allowed " + allowed);
                });
            }
        }
    }

    @Test
    void ofAnImageHasTheSameBitsAloneAndInABatch() {
        try (CpuFixture cpu = new CpuFixture()) {
            for (DType dtype : CpuFixture.TYPES) {
                cpu.assertImagesAlone(3, 150 * 48, x -> {
                    float[][] result = new float[1][];
                    cpu.run(ops -> {
                        Tensor q = CpuFixture.upload(ops, dtype, x, x.length / (150 * 48), 150, 48);
                        result[0] = ops.attention(q, q, q, 6, false).toHost();
                    });
                    return result[0];
                });
            }
        }
    }

    @Test
    void hasTheSameBitsEveryTimeAndOnAnyThread() throws InterruptedException {
        try (CpuFixture cpu = new CpuFixture()) {
            float[] x = cpu.numbers(700 * 80, 1);
            float[][] results = new float[4][];
            for (int i = 0; i < results.length; i++) {
                int index = i;
                Thread thread = new Thread(() -> cpu.run(ops -> {
                    Tensor q = CpuFixture.upload(ops, CpuFixture.TYPES.get(CpuFixture.TYPES.size() - 1), x, 1, 700, 80);
                    results[index] = ops.attention(q, q, q, 2, false).toHost();
                }));
                thread.start();
                thread.join();
                assertArrayEquals(results[0], results[i]);
            }
        }
    }

    /** The formula in float64, or with sums in f32 and with scores, weights and result rounded to {@code dtype}. */
    private static double[] attention(Sizes z, float[] q, float[] k, float[] v, @Nullable DType dtype) {
        int c = z.channels();
        double[] y = new double[z.n * z.t * c];
        double[] p = new double[z.s];
        for (int image = 0; image < z.n; image++) {
            for (int head = 0; head < z.heads; head++) {
                for (int i = 0; i < z.t; i++) {
                    int query = (image * z.t + i) * c + head * z.width;
                    int keys = z.causal ? i + 1 : z.s;
                    weights(z, q, query, k, image * z.s * c + head * z.width, keys, p, dtype);
                    for (int channel = 0; channel < z.width; channel++) {
                        double sum = 0;
                        for (int j = 0; j < keys; j++) {
                            sum = plus(sum, p[j] * v[(image * z.s + j) * c + head * z.width + channel], dtype);
                        }
                        y[query + channel] = round(sum, dtype);
                    }
                }
            }
        }
        return y;
    }

    private static void weights(
            Sizes z, float[] q, int query, float[] k, int key, int keys, double[] p, @Nullable DType dtype) {
        double largest = Double.NEGATIVE_INFINITY;
        for (int j = 0; j < keys; j++) {
            double sum = 0;
            for (int channel = 0; channel < z.width; channel++) {
                sum = plus(sum, (double) q[query + channel] * k[key + j * z.channels() + channel], dtype);
            }
            p[j] = round(sum / Math.sqrt(z.width), dtype);
            largest = Math.max(largest, p[j]);
        }
        double total = 0;
        for (int j = 0; j < keys; j++) {
            p[j] = plus(Math.exp(p[j] - largest), 0, dtype);
            total = plus(total, p[j], dtype);
        }
        for (int j = 0; j < keys; j++) {
            p[j] = round(p[j] / total, dtype);
        }
    }

    /** The sum in float64, or in f32 for whatever type: no type accumulates in less. */
    private static double plus(double sum, double term, @Nullable DType dtype) {
        return dtype == null ? sum + term : (float) (sum + term);
    }

    private static double round(double value, @Nullable DType dtype) {
        return dtype == null ? value : HalfFloats.round((float) value, dtype);
    }
}
