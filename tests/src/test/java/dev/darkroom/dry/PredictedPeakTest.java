package dev.darkroom.dry;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.darkroom.cpu.CpuDevice;
import dev.darkroom.tensor.Affine;
import dev.darkroom.tensor.Conv2dWeight;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Device;
import dev.darkroom.tensor.HostTensor;
import dev.darkroom.tensor.LinearWeight;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@DisplayName("The dry device predicts the peak memory of a run")
class PredictedPeakTest {
    private static final int WIDTH = 320;

    @ParameterizedTest
    @EnumSource(names = {"F32", "BF16"})
    void withinFivePercentOfTheCpuDevice(DType dtype) {
        try (CpuDevice cpu = CpuDevice.open(2, false);
                DryDevice dry = new DryDevice(dtype)) {
            assumeTrue(dtype == cpu.preferredType() || dtype == DType.F32, "this processor computes in f32 only");
            long measured = peakOfABlock(cpu, dtype);
            long predicted = peakOfABlock(dry, dtype);
            assertEquals(measured, predicted, 0.05 * measured);
        }
    }

    /** A residual block and a feed-forward over a map of 64 x 64, twice, as a U-Net has them. */
    private static long peakOfABlock(Device device, DType dtype) {
        try (Scope root = Scope.open(device, "block")) {
            Ops ops = device.ops(root);
            Conv2dWeight convolution =
                    ops.conv2dWeight(zeros(WIDTH, WIDTH, 3, 3), zeros(WIDTH), Conv2dWeight.Geometry.same(3), dtype);
            LinearWeight up = ops.linearWeight(zeros(4 * WIDTH, WIDTH), zeros(4 * WIDTH), dtype);
            LinearWeight down = ops.linearWeight(zeros(WIDTH, 4 * WIDTH), null, dtype);
            Affine affine = new Affine(ops.upload(zeros(WIDTH), DType.F32), ops.upload(zeros(WIDTH), DType.F32));
            Tensor x = ops.upload(zeros(2, 64, 64, WIDTH), dtype);
            device.pool().resetPeak();
            ops.iterate("layer", 2, x, (s, i, value) -> {
                Tensor h = s.scoped("resnet", t -> {
                    Tensor inner = t.conv2d(t.groupNormSilu(value, affine, 32, 1e-5f), convolution);
                    return t.conv2dAdd(t.groupNormSilu(inner, affine, 32, 1e-5f), convolution, value);
                });
                return s.scoped("feed-forward", t -> t.linearAdd(t.layerNormLinearGelu(h, affine, 1e-5f, up), down, h));
            });
            return device.pool().statistics().peak();
        }
    }

    private static HostTensor zeros(int... dims) {
        Shape shape = Shape.of(dims);
        return HostTensor.of("zeros", shape, new float[(int) shape.count()]);
    }
}
