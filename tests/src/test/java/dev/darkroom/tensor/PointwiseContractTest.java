package dev.darkroom.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import dev.darkroom.tensor.Devices.Subject;
import java.util.List;
import java.util.function.BiFunction;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@DisplayName("Operations element by element")
class PointwiseContractTest extends OnEveryDevice {
    private static final int[] COUNTS = {1, 7, 255};
    private static final int LARGEST = 4097;

    PointwiseContractTest(Subject subject) {
        super(subject);
    }

    /** Small numbers, usual ones, and both tails, each on their own, so that large errors of small results show. */
    @Test
    void gelu() {
        assumeFalse(
                device.name().equals("cpu") && dtype == DType.F32,
                "known departure: oneDNN's f32 GELU is off by up to 1e-6 around |x| = 3.5, several times what the law allows");
        for (double[] range : new double[][] {{0, 0.01}, {0, 1}, {0, 5}, {-6, 2}, {8, 2}, {-30, 5}, {40, 5}}) {
            assertFunction(range[0], range[1], Ops::gelu, Formulas::gelu);
        }
    }

    @ParameterizedTest(name = "mean {0}, deviation {1}")
    @CsvSource({"0, 0.01", "0, 1", "-20, 5", "40, 10", "85, 3"})
    void exponential(double mean, double deviation) {
        assertFunction(mean, deviation, Ops::exp, (r, x) -> Formulas.map(r, x, Math::exp));
    }

    @ParameterizedTest
    @ValueSource(floats = {0, 1, -0.3f, 0.18215f, 1e-3f, 3e4f})
    void scale(float factor) {
        assertFunction(0, 3, (o, x) -> o.scale(x, factor), (r, x) -> Formulas.map(r, x, v -> v * factor));
    }

    @Test
    void clip() {
        assertFunction(
                0, 3, (o, x) -> o.clip(x, -1, 2.5f), (r, x) -> Formulas.map(r, x, v -> Math.min(Math.max(v, -1), 2.5)));
    }

    @ParameterizedTest
    @CsvSource({"1, 1, 1", "1, 7, 3", "255, 40, 10", "2, 4097, 4", "3, 77, 320"})
    void addAndMul(int n, int rows, int channels) {
        Values a = held(0, 1, n, rows, channels);
        for (Values b : new Values[] {
            held(1, 2, n, rows, channels), held(1, 2, rows, channels), held(1, 2, channels), held(1, 2)
        }) {
            check(ops.add(upload(a), upload(b)), r -> Formulas.add(r, a, b));
            check(ops.mul(upload(a), upload(b)), r -> Formulas.mul(r, a, b));
        }
    }

    @ParameterizedTest
    @CsvSource({"1, 1, 1, 1", "1, 1, 1, 320", "5, 3, 7, 10", "2, 65, 63, 4", "3, 8, 8, 3"})
    void addPerChannel(int n, int h, int w, int channels) {
        Values x = held(0, 1, n, h, w, channels);
        Values t = held(0, 1, n, channels);
        check(ops.addPerChannel(upload(x), upload(t)), r -> Formulas.addPerChannel(r, x, t));
    }

    @Test
    void castsBetweenTypes() {
        for (int count : new int[] {1, 7, 255, LARGEST}) {
            Values x = normal(0, 100, count);
            Tensor wide = upload(x, DType.F32);
            Tensor narrow = ops.cast(wide, dtype);
            check(narrow, r -> x.map(r::result));
            ErrorLaw.check(ops.cast(narrow, DType.F32), r -> x.in(dtype)); // widening is exact
            assertSame(wide, ops.cast(wide, DType.F32));
            assertEquals(DType.F32, ops.cast(narrow, DType.F32).dtype());
        }
    }

    @Test
    void castsIntegers() {
        Tensor integers = ops.upload(Shape.of(5), -200, -1, 0, 3, 255);
        check(ops.cast(integers, dtype), r -> new Values(Shape.of(5), -200, -1, 0, 3, 255));
        Values bytes = new Values(Shape.of(4), 0, 1, 127, 255);
        check(ops.cast(upload(bytes, DType.U8), dtype), r -> bytes);
    }

    @Test
    void castsOverflowToInfinityAndKeepNan() {
        Values x = new Values(
                Shape.of(6), Float.MAX_VALUE, -Float.MAX_VALUE, 1e38, Double.POSITIVE_INFINITY, Double.NaN, -0.0);
        check(ops.cast(upload(x, DType.F32), dtype), r -> x.map(r::result));
    }

    @Test
    void infinitiesAndNanPropagate() {
        double infinity = Double.POSITIVE_INFINITY;
        Values x = new Values(Shape.of(5), Double.NaN, infinity, -infinity, 1, -2);
        Values ones = new Values(Shape.of(5), 1, 1, 1, 1, 1);
        check(ops.scale(upload(x), 2), r -> Formulas.map(r, x, v -> 2 * v));
        check(ops.add(upload(ones), upload(x)), r -> Formulas.add(r, ones, x));
        check(ops.mul(upload(ones), upload(x)), r -> Formulas.mul(r, ones, x));
        check(ops.exp(upload(x)), r -> Formulas.map(r, x, Math::exp));
        check(ops.clip(upload(x), -5, 5), r -> Formulas.map(r, x, v -> Math.min(Math.max(v, -5), 5)));
        Tensor nanAndInfinity =
                upload(x.images(0, 2)); // of minus infinity, and so of infinity · 0, devices make what they like
        for (Tensor y : List.of(ops.silu(nanAndInfinity), ops.gelu(nanAndInfinity), ops.quickGelu(nanAndInfinity))) {
            assertEquals(2, ops.countNonFinite(y).toHost()[0]);
        }
    }

    /** What devices move 16 bytes at a time where they can, they must move otherwise as well. */
    @Test
    void viewsMayStartAnywhere() {
        Values x = held(0, 1, 6, 83);
        Tensor tensor = upload(x);
        for (int from = 0; from < 6; from++) {
            Values rest = x.images(from, 6);
            Tensor view = tensor.rows(from, 6);
            assertArrayEquals(rest.map(v -> 2 * v).floats(), ops.scale(view, 2).toHost());
            check(ops.add(view, view), r -> Formulas.add(r, rest, rest));
            check(
                    ops.add(view, tensor.rows(3, 4).reshape(-1)),
                    r -> Formulas.add(r, rest, x.images(3, 4).reshape(83)));
            check(ops.cast(ops.cast(view, DType.F32), dtype), r -> rest);
        }
    }

    @Test
    void nothingIsAlsoATensor() {
        Tensor empty = upload(held(0, 1, 3, 4)).rows(1, 1);
        assertEquals(Shape.of(0, 4), ops.silu(empty).shape());
        assertEquals(0, ops.add(empty, empty).toHost().length);
    }

    private void assertFunction(
            double mean,
            double deviation,
            BiFunction<Ops, Tensor, Tensor> operation,
            BiFunction<Rounding, Values, Values> formula) {
        Values x = held(mean, deviation, LARGEST);
        Tensor y = operation.apply(ops, upload(x));
        check(y, r -> formula.apply(r, x));
        for (int count : COUNTS) {
            float[] fewer = operation.apply(ops, upload(x.images(0, count))).toHost();
            assertArrayEquals(y.rows(0, count).toHost(), fewer, "the first " + count);
        }
    }
}
