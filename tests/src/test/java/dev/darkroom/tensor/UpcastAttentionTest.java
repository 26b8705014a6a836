package dev.darkroom.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.darkroom.tensor.Devices.Subject;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Products of queries and keys beyond what f16 holds, as Stable Diffusion 2.1 has them: upcast_attention is how attention always is here. */
@DisplayName("correctness 19: Attention whose products overflow f16")
class UpcastAttentionTest extends OnEveryDevice {
    private static final float LARGE = 100;

    UpcastAttentionTest(Subject subject) {
        super(subject);
    }

    /** Queries and keys of -100 and 100: a query's product with itself is 10000 for each channel of a head, 640000 for 64. */
    @ParameterizedTest(name = "{0} tokens, {1} heads of {2}, {3} keys")
    @CsvSource({"16, 1, 64, 16", "64, 5, 64, 64", "9, 2, 40, 9", "5, 1, 512, 5", "16, 2, 64, 77", "33, 1, 160, 33"})
    void isFiniteAndRight(int tokens, int heads, int width, int keys) {
        float[] q = new float[tokens * heads * width];
        float[] k = new float[keys * heads * width];
        for (int t = 0; t < keys; t++) {
            for (int i = 0; i < heads * width; i++) {
                float sign = Integer.bitCount((t * 2654435 + 7) & (i % width * 40503 + 1)) % 2 == 0 ? LARGE : -LARGE;
                k[t * heads * width + i] = sign;
                if (t < tokens) {
                    q[t * heads * width + i] = sign;
                }
            }
        }
        Values v = held(0, 1, 1, keys, heads * width);
        Tensor result = ops.attention(
                ops.upload(HostTensor.of("q", Shape.of(1, tokens, heads * width), q), dtype),
                ops.upload(HostTensor.of("k", Shape.of(1, keys, heads * width), k), dtype),
                upload(v),
                heads,
                false);
        double[][] expected = expected(q, k, v.floats(), tokens, heads, width, keys);
        float[] actual = result.toHost();
        double bound = dtype == DType.F32 ? 1e-5 : dtype == DType.F16 ? 2e-3 : 2e-2; // of the rounding of a value near 1
        for (int t = 0; t < tokens; t++) {
            for (int i = 0; i < heads * width; i++) {
                double want = expected[t][i];
                assertEquals(want, actual[t * heads * width + i], bound * Math.max(1, Math.abs(want)));
            }
        }
    }

    private static double[][] expected(float[] q, float[] k, float[] v, int tokens, int heads, int width, int keys) {
        double[][] result = new double[tokens][heads * width];
        for (int t = 0; t < tokens; t++) {
            for (int h = 0; h < heads; h++) {
                double[] scores = new double[keys];
                double most = Double.NEGATIVE_INFINITY;
                for (int s = 0; s < keys; s++) {
                    for (int i = 0; i < width; i++) {
                        scores[s] += (double) q[(t * heads + h) * width + i] * k[(s * heads + h) * width + i];
                    }
                    scores[s] /= Math.sqrt(width);
                    most = Math.max(most, scores[s]);
                }
                double sum = 0;
                for (int s = 0; s < keys; s++) {
                    scores[s] = Math.exp(scores[s] - most);
                    sum += scores[s];
                }
                for (int s = 0; s < keys; s++) {
                    for (int i = 0; i < width; i++) {
                        result[t][h * width + i] += scores[s] / sum * v[(s * heads + h) * width + i];
                    }
                }
            }
        }
        return result;
    }
}
