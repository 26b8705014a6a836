package dev.darkroom.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.darkroom.cuda.LibraryDevice;
import dev.darkroom.cuda.SoftwareCuda;
import dev.darkroom.cuda.SoftwareFaults;
import dev.darkroom.tensor.Devices.Subject;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** The contracts of products and convolutions also hold where the table sends everything to cuBLAS and cuDNN. */
@Tag("software-cuda")
@Tag("gpu") // holds on a real one as well
@DisplayName("Products and convolutions by cuBLAS and cuDNN")
@ParameterizedClass(name = "{0}", allowZeroInvocations = true)
@MethodSource("libraries")
class LibraryProductsContractTest extends OnDevice {
    private static final Device DEVICE = open();
    private static final float EPSILON = 1e-5f;

    LibraryProductsContractTest(Subject subject) {
        super(subject);
    }

    static Stream<Subject> libraries() {
        return Stream.of(DType.F32, DType.BF16, DType.F16)
                .map(dtype -> new Subject("cuda with libraries", dtype, DEVICE, ""));
    }

    private static Device open() {
        assumeTrue(SoftwareCuda.build(), SoftwareCuda.NEEDS);
        return LibraryDevice.open(LibraryDevice.EVERYTHING);
    }

    @ParameterizedTest(name = "{0} images of {1} rows, {2} to {3} channels, bias {4}")
    @CsvSource({
        "1, 1, 8, 8, true",
        "1, 7, 40, 16, false",
        "3, 8, 3, 5, true",
        "2, 77, 64, 24, true",
        "1, 256, 9, 33, false",
        "2, 1, 1280, 320, true"
    })
    void products(int n, int rows, int in, int out, boolean hasBias) {
        Values x = held(0, 1, n, rows, in);
        Values weight = normal(0, 1 / Math.sqrt(in), out, in);
        Values gate = normal(0, 2 / Math.sqrt(in), out, in);
        Values bias = hasBias ? normal(0, 1, out) : null;
        Values residual = held(0, 1, n, rows, out);
        LinearWeight layer = ops.linearWeight(host(weight), hostOrNull(bias), dtype);
        LinearWeight gateLayer = ops.linearWeight(host(gate), hostOrNull(bias), dtype);
        Tensor a = upload(x);
        ops.linear(a, layer); // makes the handle
        int calls = libraryCalls();
        Tensor y = ops.linear(a, layer);
        assertCalls(calls + n, "one call for each image");
        Tensor g = ops.linear(a, gateLayer);
        Tensor b = upload(residual);
        check(y, r -> Formulas.linear(r, x, weight.in(dtype), bias));
        Values exact = Formulas.linear(Rounding.NONE, x, weight.in(dtype), bias);
        Values exactGate = Formulas.linear(Rounding.NONE, x, gate.in(dtype), bias);
        checkFused(ops.linearGelu(a, layer), ops.gelu(y), Formulas.gelu(Rounding.NONE, exact));
        checkFused(ops.linearQuickGelu(a, layer), ops.quickGelu(y), Formulas.quickGelu(Rounding.NONE, exact));
        checkFused(ops.linearSilu(a, layer), ops.silu(y), Formulas.silu(Rounding.NONE, exact));
        checkFused(ops.linearAdd(a, layer, b), ops.add(y, b), Formulas.add(Rounding.NONE, exact, residual));
        checkFused(
                ops.linearGeglu(a, layer, gateLayer),
                ops.mul(y, ops.gelu(g)),
                Formulas.mul(Rounding.NONE, exact, Formulas.gelu(Rounding.NONE, exactGate)));
        assertCalls(calls + 8 * n, "one call for each image, two for geglu");
    }

    @ParameterizedTest(name = "{0} of {1} x {2}, {3} to {4} channels, kernel {5}, stride {6}, padding {7}, bias {8}")
    @CsvSource({
        "1, 1, 1, 8, 8, 3, 1, 1, true",
        "2, 5, 7, 40, 24, 3, 1, 1, false",
        "1, 9, 8, 3, 4, 3, 1, 1, true",
        "2, 8, 8, 16, 33, 3, 2, 1, true",
        "1, 9, 9, 8, 8, 5, 1, 2, true",
        "3, 8, 8, 16, 24, 1, 2, 0, true",
        "2, 4, 4, 320, 8, 3, 1, 1, false"
    })
    void convolutions(int n, int h, int w, int in, int out, int kernel, int stride, int padding, boolean hasBias) {
        Conv2dWeight.Geometry geometry = new Conv2dWeight.Geometry(stride, padding, padding, false);
        Values x = held(0, 1, n, h, w, in);
        Values weight = normal(0, 1 / Math.sqrt(in * kernel * kernel), out, in, kernel, kernel);
        Values bias = hasBias ? normal(0, 1, out) : null;
        Values residual = held(0, 1, n, geometry.outputSize(h, kernel), geometry.outputSize(w, kernel), out);
        Values perImage = held(0, 1, n, out);
        Conv2dWeight layer = ops.conv2dWeight(host(weight), hostOrNull(bias), geometry, dtype);
        Tensor a = upload(x);
        ops.conv2d(a, layer); // chooses the algorithm
        int calls = libraryCalls();
        Tensor y = ops.conv2d(a, layer);
        Tensor b = upload(residual);
        Tensor t = upload(perImage);
        check(y, r -> Formulas.conv2d(r, x, weight.in(dtype), bias, geometry));
        Values exact = Formulas.conv2d(Rounding.NONE, x, weight.in(dtype), bias, geometry);
        checkFused(ops.conv2dAdd(a, layer, b), ops.add(y, b), Formulas.add(Rounding.NONE, exact, residual));
        checkFused(
                ops.conv2dAddPerChannel(a, layer, t),
                ops.addPerChannel(y, t),
                Formulas.addPerChannel(Rounding.NONE, exact, perImage));
        assertCalls(calls + 3 * n, "one call for each image, and none to choose again");
    }

    @Test
    void whatTheLibrariesCannotDoIsServedByOurOwnKernels() {
        Conv2dWeight.Geometry asymmetric = Conv2dWeight.Geometry.halving(0, 1);
        Values x = held(0, 1, 1, 8, 8, 16);
        Values weight = normal(0, 0.1, 8, 16, 3, 3);
        Values odd = held(0, 1, 3, 5);
        Values narrow = normal(0, 0.4, 3, 5);
        int calls = libraryCalls();
        check(
                ops.conv2d(upload(x), ops.conv2dWeight(host(weight), null, asymmetric, dtype)),
                r -> Formulas.conv2d(r, x, weight.in(dtype), null, asymmetric));
        check(
                ops.linear(upload(odd), ops.linearWeight(host(narrow), null, dtype)),
                r -> Formulas.linear(r, odd, narrow.in(dtype), null));
        assertCalls(calls, "none");
    }

    @Test
    void aNormalisationThatIsPartOfOurProductsComesBeforeTheirs() {
        int images = 2;
        int width = 16;
        Affine affine = affine(width);
        LinearWeight first = layer(width, 24);
        LinearWeight second = layer(width, 24);
        Tensor x = upload(held(0, 1, images, 8, width));
        Tensor other = upload(held(0, 1, images, 8, 8));
        Tensor narrow = upload(held(0, 1, images, 8, width - 8));
        Tensor normal = ops.layerNorm(x, affine, EPSILON);
        ops.linear(x, first); // makes the handle
        int calls = libraryCalls();
        List<Tensor> given = new ArrayList<>(ops.layerNormLinears(x, affine, EPSILON, first, second));
        given.add(ops.layerNormLinearGelu(x, affine, EPSILON, first));
        given.add(ops.linearConcat(narrow, other, first));
        assertCalls(calls + 4 * images, "one call for each image of each product");
        given.add(ops.layerNormLinearGeglu(x, affine, EPSILON, first, second));
        List<Tensor> defined = List.of(
                ops.linear(normal, first),
                ops.linear(normal, second),
                ops.linearGelu(normal, first),
                ops.linear(ops.concatChannels(narrow, other), first),
                ops.linearGeglu(normal, first, second));
        for (int i = 0; i < defined.size(); i++) {
            assertArrayEquals(defined.get(i).toHost(), given.get(i).toHost(), "result " + i);
        }
    }

    @Test
    void theMomentsOfAMapThatTheyComputedAreThoseOfItsValues() {
        int channels = 32;
        Affine affine = affine(channels);
        HostTensor kernel = host(normal(0, 0.1, channels, 16, 3, 3));
        Tensor x = upload(held(3, 1, 2, 8, 8, 16));
        Tensor convolved = ops.conv2d(x, ops.conv2dWeight(kernel, null, Conv2dWeight.Geometry.same(3), dtype));
        for (Tensor map : List.of(convolved, ops.linear(x, layer(16, channels)))) {
            Tensor without = ops.scale(map, 1); // the same values, and no moments behind them
            assertArrayEquals(
                    ops.groupNorm(without, affine, 8, EPSILON).toHost(),
                    ops.groupNorm(map, affine, 8, EPSILON).toHost());
        }
    }

    private LinearWeight layer(int in, int out) {
        return ops.linearWeight(host(normal(0, 1 / Math.sqrt(in), out, in)), host(normal(0, 1, out)), dtype);
    }

    private Affine affine(int channels) {
        return new Affine(upload(normal(1, 0.5, channels), DType.F32), upload(normal(0, 1, channels), DType.F32));
    }

    /** The software libraries sum in an order that depends on the sizes of a call, rows and images included. */
    @Test
    void anImageHasTheSameBitsInEveryBatchAndEachTime() {
        int most = 4;
        Tensor x = upload(held(0.3, 1, most, 5, 8, 16));
        products().forEach((name, operation) -> {
            float[] all = operation.apply(x).toHost();
            assertArrayEquals(all, operation.apply(x).toHost(), name);
            int perImage = all.length / most;
            for (int batch = 1; batch < most; batch++) {
                for (int from = 0; from + batch <= most; from++) {
                    float[] few = operation.apply(x.rows(from, from + batch)).toHost();
                    float[] expected = Arrays.copyOfRange(all, from * perImage, (from + batch) * perImage);
                    assertArrayEquals(expected, few, name + ": " + batch + " images from " + from);
                }
            }
        });
    }

    private Map<String, UnaryOperator<Tensor>> products() {
        LinearWeight layer = ops.linearWeight(host(normal(0, 0.1, 24, 16)), host(normal(0, 1, 24)), dtype);
        HostTensor kernel = host(normal(0, 0.05, 24, 16, 3, 3));
        HostTensor bias = host(normal(0, 1, 24));
        Conv2dWeight same = ops.conv2dWeight(kernel, bias, Conv2dWeight.Geometry.same(3), dtype);
        Conv2dWeight halving = ops.conv2dWeight(kernel, null, Conv2dWeight.Geometry.halving(1, 1), dtype);
        Map<String, UnaryOperator<Tensor>> all = new TreeMap<>();
        all.put("linear", x -> ops.linear(x, layer));
        all.put("linearAdd", x -> ops.linearAdd(x, layer, ops.linear(x, layer)));
        all.put("linearGeglu", x -> ops.linearGeglu(x, layer, layer));
        all.put("conv2d", x -> ops.conv2d(x, same));
        all.put("conv2dAdd", x -> ops.conv2dAdd(x, same, ops.linear(x, layer)));
        all.put("conv2d of stride 2", x -> ops.conv2d(x, halving));
        return all;
    }

    private static @Nullable HostTensor hostOrNull(@Nullable Values values) {
        return values == null ? null : host(values);
    }

    /** A fused operation errs at most twice as much as its definition, run on the same device. */
    private static void checkFused(Tensor result, Tensor defined, Values exact) {
        ErrorLaw.check(result, exact, Values.of(defined.shape(), defined.toHost()));
    }

    /** Calls of the libraries so far; only the software device counts them. */
    private static int libraryCalls() {
        return SoftwareFaults.available() ? SoftwareFaults.open().count(SoftwareFaults.Call.LIBRARY) : 0;
    }

    private static void assertCalls(int expected, String why) {
        if (SoftwareFaults.available()) {
            assertEquals(expected, libraryCalls(), why);
        }
    }
}
