package dev.darkroom.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.darkroom.tensor.Devices.Subject;
import java.util.Objects;
import java.util.Random;
import java.util.function.Function;
import org.junit.jupiter.api.AfterEach;

/** Tests of operations on a device in a type, that leave nothing alive. */
abstract class OnDevice {
    final Device device;
    final DType dtype;
    final Random random = new Random(11);
    private final long liveBefore;
    private final Scope scope;
    final Ops ops;

    OnDevice(Subject subject) {
        device = Objects.requireNonNull(subject.device());
        dtype = subject.dtype();
        liveBefore = live();
        scope = Scope.open(device, "test");
        ops = device.ops(scope);
    }

    @AfterEach
    void nothingIsLeftAlive() {
        scope.close();
        assertEquals(liveBefore, live(), "bytes alive");
    }

    final long live() {
        return device.pool().statistics().live();
    }

    /** Normal random numbers in f32. */
    final Values normal(double mean, double deviation, int... dims) {
        return Values.of(Shape.of(dims)).map(zero -> (float) (mean + deviation * random.nextGaussian()));
    }

    /** Normal random numbers as the type under test holds them. */
    final Values held(double mean, double deviation, int... dims) {
        return normal(mean, deviation, dims).in(dtype);
    }

    final Tensor upload(Values values) {
        return upload(values, dtype);
    }

    final Tensor upload(Values values, DType type) {
        return ops.upload(host(values), type);
    }

    static HostTensor host(Values values) {
        return HostTensor.of("values", values.shape, values.floats());
    }

    /** Checks {@code result}, which must be of the type under test, by the error law. */
    final void check(Tensor result, Function<Rounding, Values> formula) {
        assertEquals(dtype, result.dtype());
        ErrorLaw.check(result, formula);
    }
}
