package dev.darkroom.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.darkroom.tensor.Devices.Subject;
import java.util.Arrays;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@DisplayName("Operations of samplers and pictures")
class DiffusionContractTest extends OnEveryDevice {
    DiffusionContractTest(Subject subject) {
        super(subject);
    }

    @ParameterizedTest
    @CsvSource({"1, 1, 1, 1", "1, 3, 1, 4097", "5, 2, 5, 255", "3, 4, 1, 7", "2, 7, 2, 20000", "2, 33, 2, 9"})
    void weightedSum(int images, int terms, int rows, int perImage) {
        Values coefficients = normal(0, 5, rows, terms);
        Values[] values = new Values[terms];
        Tensor[] tensors = new Tensor[terms];
        for (int k = 0; k < terms; k++) {
            values[k] = normal(0, 1, images, perImage);
            tensors[k] = upload(values[k], DType.F32);
        }
        ErrorLaw.check(
                ops.weightedSum(upload(coefficients, DType.F32), tensors),
                r -> Formulas.weightedSums(r, coefficients, 1, values));
    }

    @ParameterizedTest
    @CsvSource({"320, true, 0", "256, true, 0", "256, false, 1", "10, false, 0", "4, true, 1"})
    void timeEmbedding(int width, boolean cosFirst, float shift) {
        Values t = new Values(Shape.of(6), 0, 1, 981, 999, 0.25, 512.5);
        int half = width / 2;
        ErrorLaw.check(ops.timeEmbedding(upload(t, DType.F32), width, cosFirst, shift), r -> {
            Values y = Values.of(Shape.of(6, width));
            for (int i = 0; i < y.numbers.length; i++) {
                int column = i % width;
                double exponent = r.step(-Math.log(10000) * (column % half) / (half - shift));
                double angle = r.step(t.numbers[i / width] * r.step(Math.exp(exponent)));
                y.numbers[i] = r.result((column < half) == cosFirst ? Math.cos(angle) : Math.sin(angle));
            }
            return y;
        });
    }

    @DisplayName("correctness 36: guidance rescaled to the deviation over all but the batch")
    @ParameterizedTest
    @CsvSource({"0", "0.7", "1"})
    void rescaleGuidance(float factor) {
        Values guided = normal(0.5, 7, 3, 9, 8, 4);
        Values conditional = normal(-0.5, 2, 3, 9, 8, 4);
        Tensor y = ops.rescaleGuidance(upload(guided, DType.F32), upload(conditional, DType.F32), factor);
        ErrorLaw.check(y, r -> {
            Values expected = Values.of(guided.shape);
            for (int image = 0; image < 3; image++) {
                double ratio = r.step(deviation(r, conditional.images(image, image + 1))
                        / deviation(r, guided.images(image, image + 1)));
                for (int i = image * 288; i < (image + 1) * 288; i++) {
                    double value = guided.numbers[i];
                    double rescaled = r.step(r.step(value * ratio) * factor);
                    expected.numbers[i] = r.result(rescaled + r.step(r.step(1 - factor) * value));
                }
            }
            return expected;
        });
    }

    private static double deviation(Rounding r, Values x) {
        double sum = 0;
        for (double value : x.numbers) {
            sum = r.step(sum + value);
        }
        double mean = r.step(sum / x.numbers.length);
        double squares = 0;
        for (double value : x.numbers) {
            squares = r.step(squares + r.step(value - mean) * r.step(value - mean));
        }
        return r.step(Math.sqrt(r.step(squares / (x.numbers.length - 1))));
    }

    @ParameterizedTest(name = "quantile {0}, at most {1}, deviation {2}")
    @CsvSource({"0.995, 1, 3", "0.995, 100, 3", "0.5, 2, 1", "1, 4, 2", "0.9, 10, 0.2"})
    void dynamicThreshold(float ratio, float max, double deviation) {
        Values x = normal(0, deviation, 2, 7, 9, 4);
        ErrorLaw.check(ops.dynamicThreshold(upload(x, DType.F32), ratio, max), r -> {
            Values y = Values.of(x.shape);
            for (int image = 0; image < 2; image++) {
                double[] sorted = x.images(image, image + 1).map(Math::abs).numbers;
                Arrays.sort(sorted);
                double position = r.step((double) ratio * (sorted.length - 1));
                int below = (int) position;
                double above = sorted[Math.min(below + 1, sorted.length - 1)];
                double quantile = r.step(sorted[below] + (position - below) * (above - sorted[below]));
                double s = Math.min(Math.max(quantile, 1), max);
                for (int i = image * 252; i < (image + 1) * 252; i++) {
                    y.numbers[i] = r.result(Math.min(Math.max(x.numbers[i], -s), s) / s);
                }
            }
            return y;
        });
    }

    @Test
    void toPixels() {
        Values x = held(0, 1, 2, 65, 63, 3);
        Tensor pixels = ops.toPixels(upload(x));
        assertEquals("u8 [2, 65, 63, 3]", pixels.dtype() + " " + pixels.shape());
        byte[] bytes = pixels.toHostBytes();
        for (int i = 0; i < bytes.length; i++) {
            double level = 255 * Math.min(Math.max(x.numbers[i] / 2 + 0.5, 0), 1);
            // Half a level, and what f32 may lose of 255 before it is rounded.
            assertTrue(Math.abs((bytes[i] & 0xff) - level) <= 0.5 + 255 * 0x1p-23, x.numbers[i] + " gave " + bytes[i]);
        }
        Values exact = new Values(Shape.of(1, 1, 2, 3), -1, -7, 1, 1.5, 0, 0.5); // 0 is halfway: 127.5
        assertArrayEquals(
                new byte[] {0, 0, (byte) 255, (byte) 255, (byte) 128, (byte) 191},
                ops.toPixels(upload(exact)).toHostBytes());
    }

    @Test
    void fromPixelsIsTheInverseOfToPixels() {
        for (int count : new int[] {1, 255, 256, 3 * 4097}) {
            byte[] levels = new byte[count];
            for (int i = 0; i < count; i++) {
                levels[i] = (byte) i;
            }
            Tensor pixels = ops.upload(HostTensor.of("levels", Shape.of(1, 1, count, 1), levels), DType.U8);
            Tensor x = ops.fromPixels(pixels, dtype);
            Values values = Values.of(pixels.shape());
            Arrays.setAll(values.numbers, i -> levels[i] & 0xff);
            check(x, r -> values.map(level -> r.result(r.step(level / 127.5) - 1)));
            assertArrayEquals(levels, ops.toPixels(x).toHostBytes());
        }
    }
}
