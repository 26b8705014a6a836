package dev.darkroom.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.darkroom.tensor.Affine;
import dev.darkroom.tensor.Conv2dWeight;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.HalfFloats;
import dev.darkroom.tensor.HostTensor;
import dev.darkroom.tensor.LinearWeight;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@DisplayName("The CPU device")
class CpuDeviceTest {
    @Test
    void convertsEveryHalfToTheNearestBf16() {
        CpuFixture.assumeBf16();
        int count = 1 << 16;
        HostTensor halves = new HostTensor("halves", Shape.of(count), DType.F16, reader -> {
            ByteBuffer bytes = ByteBuffer.allocateDirect(2 * count).order(ByteOrder.LITTLE_ENDIAN);
            for (int i = 0; i < count; i++) {
                bytes.putShort((short) i);
            }
            reader.accept(bytes.flip());
        });
        try (CpuFixture cpu = new CpuFixture()) {
            cpu.run(ops -> {
                float[] converted = ops.upload(halves, DType.BF16).toHost();
                for (int i = 0; i < count; i++) {
                    assertEquals(HalfFloats.round(HalfFloats.fromF16((short) i), DType.BF16), converted[i]);
                }
            });
        }
    }

    @ParameterizedTest
    @CsvSource({"30, 37", "320, 64", "1280, 320", "3072, 768"})
    void computesARowOfALayerWithTheSameBitsAloneAndAmongOthers(int in, int out) {
        try (CpuFixture cpu = new CpuFixture()) {
            HostTensor weight = CpuFixture.host(cpu.numbers(out * in, 0.1), out, in);
            HostTensor bias = CpuFixture.host(cpu.numbers(out, 1), out);
            for (DType dtype : CpuFixture.TYPES) {
                for (int rows : new int[] {1, 3, 77}) {
                    cpu.assertImagesAlone(3, rows * in, x -> {
                        float[][] result = new float[1][];
                        cpu.run(ops -> {
                            LinearWeight layer = ops.linearWeight(weight, bias, dtype);
                            Tensor a = CpuFixture.upload(ops, dtype, x, x.length / in, in);
                            Tensor residual = ops.linear(a, layer);
                            result[0] = ops.linearAdd(a, layer, residual).toHost();
                        });
                        return result[0];
                    });
                }
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"1, 1, 0", "3, 1, 1", "3, 2, 1"})
    void convolvesAnImageWithTheSameBitsAloneAndInABatch(int kernel, int stride, int padding) {
        int in = 40;
        int out = 24;
        try (CpuFixture cpu = new CpuFixture()) {
            HostTensor weight = CpuFixture.host(cpu.numbers(out * in * kernel * kernel, 0.1), out, in, kernel, kernel);
            HostTensor bias = CpuFixture.host(cpu.numbers(out, 1), out);
            Conv2dWeight.Geometry geometry = new Conv2dWeight.Geometry(stride, padding, padding, false);
            for (DType dtype : CpuFixture.TYPES) {
                cpu.assertImagesAlone(3, 9 * 7 * in, x -> {
                    float[][] result = new float[1][];
                    cpu.run(ops -> {
                        Conv2dWeight layer = ops.conv2dWeight(weight, bias, geometry, dtype);
                        Tensor map = CpuFixture.upload(ops, dtype, x, x.length / (9 * 7 * in), 9, 7, in);
                        Tensor y = ops.conv2d(map, layer);
                        Affine affine = new Affine(
                                ops.upload(Shape.of(out), cpu.numbers(out, 0)),
                                ops.upload(Shape.of(out), cpu.numbers(out, 0)));
                        result[0] = ops.conv2dAdd(map, layer, ops.add(y, ops.groupNormSilu(y, affine, 4, 1e-5f)))
                                .toHost();
                    });
                    return result[0];
                });
            }
        }
    }

    @Test
    void convolvesMapsOfAnySizeWithAWeightPackedOnce() {
        CpuFixture.assumeBf16();
        // oneDNN 3.11 packs this kernel in blocks of 32 channels for some of these sizes and of 64 for the others.
        int channels = 320;
        try (CpuFixture cpu = new CpuFixture()) {
            HostTensor weight = CpuFixture.host(cpu.numbers(channels * channels * 9, 0.02), channels, channels, 3, 3);
            cpu.run(ops -> {
                Conv2dWeight kept = ops.conv2dWeight(weight, null, Conv2dWeight.Geometry.same(3), DType.BF16);
                for (int size : new int[] {64, 24, 32, 9}) {
                    Conv2dWeight fresh = ops.conv2dWeight(weight, null, Conv2dWeight.Geometry.same(3), DType.F32);
                    Tensor x = CpuFixture.upload(
                            ops, DType.F32, cpu.numbers(size * size * channels, 1), 1, size, size, channels);
                    double error = CpuFixture.error(
                            ops.conv2d(ops.cast(x, DType.BF16), kept).toHost(),
                            doubles(ops.conv2d(x, fresh).toHost()));
                    assertTrue(error < 0x1p-8, "at " + size + ": " + error);
                }
            });
        }
    }

    @Test
    void multipliesOnAllThreadsAfterAnAttentionOnOne() {
        // oneDNN makes a kernel for the number of threads that there are then; with another it mixes up its results.
        int width = 160;
        try (CpuFixture cpu = new CpuFixture()) {
            HostTensor weight = CpuFixture.host(cpu.numbers(width * width, 0.1), width, width);
            HostTensor bias = CpuFixture.host(cpu.numbers(width, 1), width);
            cpu.run(ops -> {
                LinearWeight layer = ops.linearWeight(weight, bias, DType.F32);
                Tensor x = CpuFixture.upload(ops, DType.F32, cpu.numbers(2 * 4 * width, 1), 2, 4, width);
                Tensor product = ops.linear(x, layer);
                Tensor attended = ops.attention(x, x, x, 8, /* causal= */ false);
                double error = CpuFixture.error(
                        ops.linearAdd(x, layer, attended).toHost(),
                        doubles(ops.add(product, attended).toHost()));
                assertTrue(error < 1e-5, "error " + error);
            });
        }
    }

    @Test
    void convolvesInStepsOfTwoAsInStepsOfOneWhateverWasPackedBefore() {
        // On AVX2 oneDNN packs kernels of this shape in blocks of 16 channels for one step and of 24 for the other.
        int channels = 64;
        int size = 8;
        try (CpuFixture cpu = new CpuFixture()) {
            HostTensor weight = CpuFixture.host(cpu.numbers(channels * channels * 9, 0.04), channels, channels, 3, 3);
            cpu.run(ops -> {
                Conv2dWeight each = ops.conv2dWeight(weight, null, Conv2dWeight.Geometry.same(3), DType.F32);
                Conv2dWeight second = ops.conv2dWeight(weight, null, Conv2dWeight.Geometry.halving(1, 1), DType.F32);
                Tensor x = CpuFixture.upload(
                        ops, DType.F32, cpu.numbers(size * size * channels, 1), 1, size, size, channels);
                Tensor expected = ops.upsampleNearest(ops.conv2d(x, each), size / 2, size / 2);
                double error = CpuFixture.error(ops.conv2d(x, second).toHost(), doubles(expected.toHost()));
                assertTrue(error < 1e-5, "error " + error);
            });
        }
    }

    @ParameterizedTest
    @CsvSource({"4, 4, 8, 8", "5, 3, 10, 6", "5, 3, 9, 5"})
    void convolvesAnEnlargedMapAsTheDefinitionDoes(int height, int width, int targetHeight, int targetWidth) {
        int in = 20;
        int out = 36;
        try (CpuFixture cpu = new CpuFixture()) {
            HostTensor weight = CpuFixture.host(cpu.numbers(out * in * 9, 0.1), out, in, 3, 3);
            HostTensor bias = CpuFixture.host(cpu.numbers(out, 1), out);
            float[] x = cpu.numbers(2 * height * width * in, 1);
            for (DType dtype : CpuFixture.TYPES) {
                cpu.run(ops -> {
                    Conv2dWeight layer = ops.conv2dWeight(weight, bias, Conv2dWeight.Geometry.afterUpsample(3), dtype);
                    Conv2dWeight exact = ops.conv2dWeight(weight, bias, Conv2dWeight.Geometry.same(3), DType.F32);
                    Tensor map = CpuFixture.upload(ops, dtype, x, 2, height, width, in);
                    Tensor exactMap = CpuFixture.upload(ops, DType.F32, x, 2, height, width, in);
                    double error = CpuFixture.error(
                            ops.upsampleConv2d(map, targetHeight, targetWidth, layer)
                                    .toHost(),
                            doubles(ops.conv2d(ops.upsampleNearest(exactMap, targetHeight, targetWidth), exact)
                                    .toHost()));
                    assertTrue(error < (dtype == DType.F32 ? 0x1p-21 : 0x1p-8), dtype + ": " + error);
                });
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {4, 10, 16, 20})
    void normalisesGroupsWhoseMeanIsFarFromZero(int groupWidth) {
        int groups = 8;
        int channels = groups * groupWidth;
        int pixels = 15 * 9;
        try (CpuFixture cpu = new CpuFixture()) {
            float[] x = cpu.numbers(pixels * channels, 1);
            float[] gain = cpu.numbers(channels, 1);
            float[] bias = cpu.numbers(channels, 1);
            for (int i = 0; i < x.length; i++) {
                x[i] += 1000; // an even multiple of all the numbers' last digits in f32
            }
            double[] truth = groupNorm(x, gain, bias, pixels, channels, groups);
            cpu.run(ops -> {
                Affine affine = new Affine(ops.upload(Shape.of(channels), gain), ops.upload(Shape.of(channels), bias));
                Tensor map = ops.upload(Shape.of(1, 15, 9, channels), x);
                double error = CpuFixture.error(
                        ops.groupNorm(map, affine, groups, 1e-5f).toHost(), truth);
                // The mean itself is rounded to f32: 2^-24 of 1000 against a deviation of 1.
                assertTrue(error < 2 * 1000 * 0x1p-24, "error " + error);
            });
        }
    }

    @Test
    void refusesToComputeInF16WithAWayOut() {
        try (CpuFixture cpu = new CpuFixture()) {
            cpu.run(ops -> {
                HostTensor weight = CpuFixture.host(cpu.numbers(12, 1), 3, 4);
                String message = String.valueOf(
                        assertThrows(IllegalArgumentException.class, () -> ops.linearWeight(weight, null, DType.F16))
                                .getMessage());
                assertTrue(message.contains("f16") && message.contains("use f32 or bf16"), message);
            });
        }
    }

    @Test
    void saysWhatItIs() {
        try (CpuFixture cpu = new CpuFixture(1)) {
            assertTrue(cpu.device.description().matches("oneDNN \\d+\\.\\d+\\.\\d+ with \\w+ on 1 thread"));
            assertTrue(cpu.device.pool().limit() > 0);
        }
        assertThrows(IllegalArgumentException.class, () -> CpuDevice.open(0, false));
    }

    private static double[] groupNorm(float[] x, float[] gain, float[] bias, int pixels, int channels, int groups) {
        double[] y = new double[x.length];
        int width = channels / groups;
        for (int start = 0; start < channels; start += width) {
            double mean = 0;
            double variance = 0;
            for (int i = 0; i < pixels * width; i++) {
                mean += x[i / width * channels + start + i % width] / (double) (pixels * width);
            }
            for (int i = 0; i < pixels * width; i++) {
                double centred = x[i / width * channels + start + i % width] - mean;
                variance += centred * centred / (pixels * width);
            }
            for (int i = 0; i < pixels * width; i++) {
                int channel = start + i % width;
                int at = i / width * channels + channel;
                y[at] = (x[at] - mean) / Math.sqrt(variance + 1e-5f) * gain[channel] + bias[channel];
            }
        }
        return y;
    }

    private static double[] doubles(float[] values) {
        double[] result = new double[values.length];
        for (int i = 0; i < values.length; i++) {
            result[i] = values[i];
        }
        return result;
    }
}
