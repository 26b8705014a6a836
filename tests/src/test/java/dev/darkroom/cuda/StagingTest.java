package dev.darkroom.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.darkroom.tensor.Conv2dWeight;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.HostTensor;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Streams of the software device run as late as CUDA allows: a piece that is read before it came, or overwritten before it was read, shows. */
@Tag("software-cuda")
@DisplayName("The way from host to device memory")
class StagingTest {
    private static final int PIECE = 2 << 20; // floats in a buffer of the ring

    @BeforeAll
    static void buildTheDevice() {
        assumeTrue(SoftwareCuda.build(), SoftwareCuda.NEEDS);
    }

    /** Twice as many pieces as the ring has buffers, and a rest. */
    @Test
    void keepsEveryPieceWhereManyAreUnderWay() {
        try (CudaDevice device = CudaDevice.open(0, /* poison= */ true);
                Scope scope = Scope.open(device, "test")) {
            float[] values = new float[6 * PIECE + 1000];
            for (int i = 0; i < values.length; i++) {
                values[i] = i;
            }
            Tensor one = device.ops(scope).upload(Shape.of(values.length), values);
            List<Tensor> small = new ArrayList<>();
            for (int i = 0; i < 10; i++) {
                small.add(device.ops(scope).upload(Shape.of(1), (float) -i));
            }
            float[] found = one.toHost();
            int wrong = 0;
            for (int i = 0; i < values.length; i++) {
                wrong += found[i] == values[i] ? 0 : 1;
            }
            assertEquals(0, wrong, "values that are others");
            for (int i = 0; i < small.size(); i++) {
                assertEquals(-i, small.get(i).toHost()[0]);
            }
        }
    }

    @Test
    void goesOnAfterAPieceThatCouldNotBeSent() {
        SoftwareFaults faults = SoftwareFaults.open();
        faults.reset();
        try (CudaDevice device = CudaDevice.open(0, /* poison= */ true);
                Scope scope = Scope.open(device, "test")) {
            for (int n = 1; n <= 12; n++) { // every place of the ring, and both copies of a piece
                faults.reset();
                faults.fail(SoftwareFaults.Call.COPY, n % 4 + 1, 1);
                List<Tensor> sent = new ArrayList<>();
                assertThrows(RuntimeException.class, () -> {
                    for (int i = 0; i < 3; i++) {
                        sent.add(device.ops(scope).upload(Shape.of(1), (float) i));
                    }
                });
                for (int i = 0; i < sent.size(); i++) {
                    assertEquals(i, sent.get(i).toHost()[0]);
                }
                assertEquals(n, device.ops(scope).upload(Shape.of(1), (float) n).toHost()[0]);
            }
        }
        faults.reset();
    }

    @Test
    void refusesRowsThatNoBufferHolds() {
        try (CudaDevice device = CudaDevice.open(0, /* poison= */ true);
                Scope scope = Scope.open(device, "test")) {
            Shape shape = Shape.of(1, PIECE + 1, 1, 1);
            IllegalArgumentException e = assertThrows(IllegalArgumentException.class, () -> device.ops(scope)
                    .conv2dWeight(
                            HostTensor.of("wide", shape, new float[PIECE + 1]),
                            null,
                            Conv2dWeight.Geometry.same(1),
                            DType.F32));
            assertTrue(String.valueOf(e.getMessage()).contains("wide"), e.getMessage());
        }
    }
}
