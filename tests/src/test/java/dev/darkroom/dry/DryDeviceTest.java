package dev.darkroom.dry;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.darkroom.cpu.CpuDevice;
import dev.darkroom.tensor.Affine;
import dev.darkroom.tensor.Conv2dWeight;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.EveryOperation;
import dev.darkroom.tensor.HostTensor;
import dev.darkroom.tensor.LinearWeight;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import java.util.Map;
import java.util.Objects;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

@DisplayName("The dry device")
class DryDeviceTest {
    private final DryDevice device = new DryDevice(DType.BF16);
    private final Scope scope = Scope.open(device, "test");
    private final Ops ops = device.ops(scope);

    @AfterEach
    void nothingIsLeftAlive() {
        scope.close();
        device.close(); // throws when something is alive
    }

    @Test
    void givesEveryResultTheShapeAndTypeThatTheCpuGivesIt() {
        try (CpuDevice cpu = CpuDevice.open(2, true);
                Scope cpuScope = Scope.open(cpu, "test")) {
            Map<String, UnaryOperator<Tensor>> computing = EveryOperation.of(cpu.ops(cpuScope), DType.F32);
            Map<String, UnaryOperator<Tensor>> dry = EveryOperation.of(ops, DType.F32);
            Tensor x = cpuScope.allocate(EveryOperation.SHAPE, DType.F32);
            Tensor same = scope.allocate(EveryOperation.SHAPE, DType.F32);
            computing.forEach((name, operation) -> {
                Tensor expected = operation.apply(x);
                Tensor result = Objects.requireNonNull(dry.get(name)).apply(same);
                assertEquals(expected.dtype() + " " + expected.shape(), result.dtype() + " " + result.shape(), name);
            });
        }
    }

    @Test
    void refusesWhatWasReleasedAsADeviceThatComputesDoes() {
        Tensor released;
        try (Scope brief = Scope.open(device, "short")) {
            released = brief.allocate(EveryOperation.SHAPE, DType.BF16);
        }
        EveryOperation.of(ops, DType.BF16)
                .forEach((name, operation) ->
                        assertThrows(IllegalStateException.class, () -> operation.apply(released), name));
    }

    @Test
    void countsFloatingPointOperationsAndBytes() {
        LinearWeight linear = ops.linearWeight(shapeOnly(40, 30), shapeOnly(40), DType.BF16);
        Conv2dWeight convolution =
                ops.conv2dWeight(shapeOnly(16, 8, 3, 3), null, Conv2dWeight.Geometry.halving(1, 1), DType.BF16);
        Tensor x = scope.allocate(Shape.of(7, 30), DType.BF16);
        Tensor map = scope.allocate(Shape.of(2, 9, 6, 8), DType.BF16);
        Tensor q = scope.allocate(Shape.of(2, 77, 64), DType.BF16);
        Tensor k = scope.allocate(Shape.of(2, 5, 64), DType.BF16);

        assertCost(2 * 7 * 30 * 40, 2 * (7 * 30 + 30 * 40 + 7 * 40), () -> ops.linear(x, linear));
        assertCost(2 * 2 * 7 * 30 * 40, 2 * (7 * 30 + 2 * 30 * 40 + 7 * 40), () -> ops.linearGeglu(x, linear, linear));
        assertCost(2 * 2 * 7 * 30 * 40, 2 * (7 * 30 + 2 * 30 * 40 + 2 * 7 * 40), () -> ops.linears(x, linear, linear));
        Tensor left = scope.allocate(Shape.of(7, 10), DType.BF16);
        Tensor right = scope.allocate(Shape.of(7, 20), DType.BF16);
        assertCost(2 * 7 * 30 * 40, 2 * (7 * 30 + 30 * 40 + 7 * 40), () -> ops.linearConcat(left, right, linear));
        Affine affine = new Affine(scope.allocate(Shape.of(30), DType.F32), scope.allocate(Shape.of(30), DType.F32));
        assertCost(
                2 * 7 * 30 * 40 + 8 * 7 * 30,
                2 * (7 * 30 + 30 * 40 + 7 * 40) + 2 * 4 * 30,
                () -> ops.layerNormLinear(x, affine, 1e-5f, linear));
        int pixels = 2 * 5 * 3;
        assertCost(2 * pixels * 16 * 72, 2 * (2 * 54 * 8 + 16 * 72 + pixels * 16), () -> ops.conv2d(map, convolution));
        assertCost(4 * 2 * 77 * 5 * 64, 2 * (2 * 2 * 77 * 64 + 2 * 2 * 5 * 64), () -> ops.attention(q, k, k, 8, false));
        assertCost(7 * 30, 2 * 3 * 7 * 30, () -> ops.add(x, x));
        assertCost(0, 2 * 2 * 7 * 4, () -> ops.sliceChannels(x, 3, 7));
        assertEquals(0, device.tally().total().calls());
    }

    private void assertCost(long flops, long bytes, Runnable operation) {
        operation.run();
        Tally.Cost total = device.tally().total();
        assertEquals(new Tally.Cost(1, flops, bytes), total);
        device.tally().reset();
    }

    @Test
    void countsByOperation() {
        Tensor x = scope.allocate(Shape.of(4, 8), DType.F32);
        ops.silu(ops.silu(x));
        ops.mul(x, x);
        assertEquals(
                Map.of("silu", new Tally.Cost(2, 64, 512), "mul", new Tally.Cost(1, 32, 384)),
                device.tally().byOperation());
    }

    @Test
    void hasNoValues() {
        Tensor x = ops.upload(shapeOnly(3), DType.U8);
        assertThrows(IllegalStateException.class, x::toHost);
        String message =
                assertThrows(IllegalStateException.class, x::toHostBytes).toString();
        assertTrue(message.contains("u8 [3] on dry cannot be read"), message);
        assertEquals(DType.BF16, device.preferredType());
    }

    private static HostTensor shapeOnly(int... dims) {
        return HostTensor.shapeOnly("weight", Shape.of(dims), DType.F16);
    }
}
