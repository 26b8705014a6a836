package dev.darkroom.bench.kernels;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.darkroom.bench.kernels.OpCall.Kind;
import dev.darkroom.bench.kernels.ShapeList.Known;
import dev.darkroom.bench.kernels.ShapeList.Row;
import dev.darkroom.dry.DryDevice;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Scope;
import java.util.function.Predicate;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

@DisplayName("The list of operations that the published networks call")
class ShapeListTest {
    private static final String STEP = "sd15 unet b2";

    private static ShapeList stableDiffusion15() {
        ShapeList list = new ShapeList(DType.F16);
        list.add(Known.SD15, 2);
        return list;
    }

    private static int calls(ShapeList list, String pass, Predicate<OpCall> wanted) {
        return list.rows().stream()
                .filter(row -> wanted.test(row.call()))
                .mapToInt(row -> row.uses(pass))
                .sum();
    }

    private static double teraflops(ShapeList list, String pass) {
        return list.rows().stream()
                .mapToDouble(row -> 1e-12 * row.uses(pass) * row.call().flops())
                .sum();
    }

    /** Counted of diffusers' networks by torch's dispatch: 1.6065 TFLOP and two decoders of 2.5145, without and with what is once a picture. */
    @Test
    void addsUpToWhatTheNetworksCost() {
        ShapeList list = stableDiffusion15();
        assertEquals(1.6065, teraflops(list, STEP) + teraflops(list, "sd15 conditioning b2"), 0.003);
        assertEquals(2 * 2.5145, teraflops(list, "sd15 vae-decode b2"), 0.02);
        assertEquals(0.0266, teraflops(list, "sd15 text b2"), 0.0001);
    }

    @Test
    void hasEachOperationAsOftenAsItIsCalled() {
        ShapeList list = stableDiffusion15();
        assertEquals(5, calls(list, STEP, call -> call.id()
                .equals("attention f16[2,4096,320] f16[2,4096,320] f16[2,4096,320] 8 false")));
        assertEquals(32, calls(list, STEP, call -> call.kind() == Kind.ATTENTION));
        assertEquals(61, calls(list, STEP, call -> call.kind() == Kind.GROUP_NORM));
        assertEquals(
                52, calls(list, STEP, call -> call.kind() == Kind.CONVOLUTION), "49 of stride 1 and 3 of stride 2");
        assertEquals(16, calls(list, STEP, call -> call.operation().equals("layerNormLinearGeglu")));
    }

    @Test
    void saysWhichMapsALayerComputed() {
        ShapeList list = stableDiffusion15();
        assertTrue(calls(list, STEP, call -> call.id().startsWith("groupNormSilu f16[2,64,64,320]' ")) > 0);
        assertEquals(0, calls(list, STEP, call -> call.id().startsWith("conv2d f16[2,64,64,4]'")));
    }

    /** What was recorded can be called again, and costs the same. */
    @Test
    void canBeCalledAgain() {
        ShapeList list = new ShapeList(DType.F16);
        list.addSmall();
        Operands operands = new Operands(/* values= */ false);
        try (DryDevice device = new DryDevice(DType.F16)) {
            for (Row row : list.rows()) {
                try (Scope scope = Scope.open(device, "again")) {
                    Object[] arguments = operands.of(device.ops(scope), row.call());
                    device.tally().reset();
                    row.call().call(device.ops(scope), arguments);
                    assertEquals(
                            row.call().flops(),
                            device.tally().total().flops(),
                            row.call().id());
                    assertEquals(
                            row.call().bytes(),
                            device.tally().total().bytes(),
                            row.call().id());
                }
            }
        }
        assertTrue(list.rows().size() > 40, list.rows().size() + " operations");
    }
}
