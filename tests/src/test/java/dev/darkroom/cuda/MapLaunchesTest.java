package dev.darkroom.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.darkroom.nn.Parameters;
import dev.darkroom.nn.ResnetBlock;
import dev.darkroom.tensor.Affine;
import dev.darkroom.tensor.Conv2dWeight;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.HostTensor;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import dev.darkroom.weights.WeightPath;
import dev.darkroom.weights.WeightSource;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Counts what is launched for what models do with maps [n, h, w, c]. */
@Tag("software-cuda")
@DisplayName("Maps take few launches")
class MapLaunchesTest {
    private static final int CHANNELS = 32;
    private static final int GROUPS = 8;
    private static final float EPSILON = 1e-5f;

    private CudaDevice device;
    private Scope scope;
    private Ops ops;

    @BeforeEach
    void open() {
        assumeTrue(SoftwareCuda.build(), SoftwareCuda.NEEDS);
        assumeTrue(SoftwareFaults.available(), "launches are counted on the software CUDA device alone");
        device = CudaDevice.open(0, /* poison= */ true);
        scope = Scope.open(device, "test");
        ops = device.ops(scope);
    }

    @AfterEach
    void close() {
        if (device != null) {
            scope.close();
            device.close();
        }
    }

    @Test
    void aResidualBlockIsTwoNormalisationsAndTwoConvolutions() {
        ResnetBlock block = resnet(CHANNELS);
        Tensor x = map(8, 8);
        assertEquals(4, launches(() -> block.forward(ops, x, null)));
    }

    @Test
    void aSkipConnectionAddsTheShortcutAlone() {
        ResnetBlock block = resnet(2 * CHANNELS);
        Tensor x = map(8, 8);
        Tensor skip = map(8, 8);
        assertEquals(5, launches(() -> block.forward(ops, x, skip, null)));
    }

    @ParameterizedTest(name = "{0} x {1}: {2}")
    @CsvSource({"8, 8, 1", "24, 16, 1", "128, 128, 1", "9, 7, 2", "128, 130, 2"})
    void aGroupNormOfAComputedMapIsOneLaunchWhereItsPartsAreWhole(int h, int w, int expected) {
        Tensor x = map(h, w);
        Affine affine = new Affine(ops.upload(zeros(CHANNELS), DType.F32), ops.upload(zeros(CHANNELS), DType.F32));
        assertEquals(expected, launches(() -> ops.groupNormSilu(x, affine, GROUPS, EPSILON)));
        assertEquals(2, launches(() -> ops.groupNormSilu(x.rows(1, 2), affine, GROUPS, EPSILON)));
    }

    /** Two maps [2, h, w, CHANNELS] that a convolution made. */
    private Tensor map(int h, int w) {
        Conv2dWeight weight =
                ops.conv2dWeight(zeros(CHANNELS, 8, 1, 1), null, Conv2dWeight.Geometry.same(1), DType.F16);
        return ops.conv2d(ops.upload(zeros(2, h, w, 8), DType.F16), weight);
    }

    private ResnetBlock resnet(int in) {
        Parameters parameters = new Parameters(ops, DType.F16, WeightPath.of(new Zeros()));
        return new ResnetBlock(parameters, in, CHANNELS, 0, GROUPS, EPSILON);
    }

    private int launches(Runnable work) {
        SoftwareFaults counts = SoftwareFaults.open();
        device.synchronize();
        counts.reset();
        work.run();
        device.synchronize();
        return counts.count(SoftwareFaults.Call.LAUNCH);
    }

    private static HostTensor zeros(int... dims) {
        Shape shape = Shape.of(dims);
        return HostTensor.of("zeros", shape, new float[(int) shape.count()]);
    }

    /** Every tensor in the shape it is asked for. */
    private static final class Zeros implements WeightSource {
        @Override
        public Set<String> names() {
            return Set.of();
        }

        @Override
        public boolean has(String name) {
            return true;
        }

        @Override
        public HostTensor get(String name) {
            throw new UnsupportedOperationException(name + " is asked for without a shape");
        }

        @Override
        public HostTensor get(String name, Shape expected) {
            return zeros(expected.toArray());
        }

        @Override
        public String describe() {
            return "zeros";
        }
    }
}
