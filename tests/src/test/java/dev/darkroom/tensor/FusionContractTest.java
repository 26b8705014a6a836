package dev.darkroom.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.darkroom.tensor.Devices.Subject;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A device's own form of a fused operation errs at most twice as much as the definition, run on the same device. */
@DisplayName("Fused operations equal their definitions")
class FusionContractTest extends OnEveryDevice {
    /** Default methods of {@link Ops} that are not fused operations. */
    private static final Set<String> PLUMBING =
            Set.of("in", "scoped", "scopedAll", "iterate", "iterateAll", "recording", "upload");

    private static final float EPSILON = 1e-5f;

    /** A fused operation on a device, and as a formula. */
    private record Fused(String name, Function<Ops, Tensor> operation, Function<Rounding, Values> formula) {}

    FusionContractTest(Subject subject) {
        super(subject);
    }

    @Test
    void allOfThemAreTestedHere() {
        Set<String> fused = Arrays.stream(Ops.class.getMethods())
                .filter(Method::isDefault)
                .map(Method::getName)
                .filter(name -> !PLUMBING.contains(name))
                .collect(Collectors.toCollection(TreeSet::new));
        Set<String> tested = Stream.of(
                        ofTokens(1, 4, 4, null),
                        ofRows(held(0, 1, 1, 4), 4, null, true),
                        ofMaps(1, 2, 2, 4, 4, 3, 1),
                        List.of(weightedSums(1, 1, 1, 1, 1)))
                .flatMap(List::stream)
                .map(Fused::name)
                .collect(Collectors.toCollection(TreeSet::new));
        assertEquals(fused, tested);
    }

    @ParameterizedTest(name = "{0} rows, {1} to {2} channels")
    @CsvSource({"1, 320, 40", "7, 4, 3", "77, 40, 160", "255, 10, 10", "4097, 8, 12"})
    void onTokens(int rows, int in, int out) {
        ofTokens(rows, in, out, null).forEach(this::check);
        ofTokens(rows, in, out, normal(0, 1, out)).forEach(this::check);
    }

    /** A device may take whole slices of the first and then of the second. */
    @ParameterizedTest(name = "{0} rows, {1} and {2} to {3} channels")
    @CsvSource({
        "77, 32, 40, 24",
        "131, 64, 1280, 40",
        "65, 1280, 64, 8",
        "2, 512, 512, 70",
        "7, 40, 8, 3",
        "1, 64, 3, 5"
    })
    void ofTwoSources(int rows, int first, int second, int out) {
        check(linearConcat(held(0, 1, rows, first), held(0, 1, rows, second), out));
    }

    /** Also rows far from centred, and a row whose first elements are far from all others. */
    @ParameterizedTest(name = "{0} rows, {1} to {2} channels, mean {3}, deviation {4}")
    @CsvSource({
        "77, 40, 160, 0, 1",
        "7, 4, 3, 1, 1",
        "1, 1, 5, 0, 1",
        "131, 10, 72, -3, 0.1",
        "33, 320, 40, 1000, 1",
        "3, 1280, 33, -100, 0.1", // of a split depth
        "2, 1281, 9, 30000, 30"
    })
    void onRowsToNormalise(int rows, int in, int out, double mean, double deviation) {
        boolean activated = in == 40;
        Values x = held(mean, deviation, rows, in);
        ofRows(x, out, null, activated).forEach(this::check);
        Arrays.fill(x.numbers, 0, Math.min(3, in), 60 * deviation);
        ofRows(x.in(dtype), out, normal(0, 1, out), activated).forEach(this::check);
    }

    @ParameterizedTest(name = "{0} of {1} x {2}, {3} to {4} channels, kernel {5}, stride {6}")
    @CsvSource({
        "1, 1, 1, 4, 8, 3, 1",
        "2, 5, 7, 40, 24, 3, 1",
        "1, 8, 8, 320, 40, 3, 1",
        "3, 9, 7, 4, 4, 3, 1",
        "2, 9, 8, 10, 20, 3, 2",
        "2, 7, 5, 40, 40, 1, 1"
    })
    void onMaps(int n, int h, int w, int in, int out, int kernel, int stride) {
        ofMaps(n, h, w, in, out, kernel, stride).forEach(this::check);
    }

    @ParameterizedTest(name = "{0} images of {1}, {2} terms, {3} sums, {4} rows of coefficients")
    @CsvSource({"1, 1, 1, 1, 1", "3, 255, 2, 2, 3", "2, 4097, 9, 4, 1", "5, 7, 16, 5, 5", "2, 65, 37, 9, 2"})
    void onSamples(int images, int perImage, int terms, int sums, int rows) {
        check(weightedSums(images, perImage, terms, sums, rows));
    }

    private void check(Fused fused) {
        Tensor result = fused.operation.apply(ops);
        Tensor defined = fused.operation.apply(definitions(ops));
        assertEquals(defined.shape(), result.shape(), fused.name);
        assertEquals(defined.dtype(), result.dtype(), fused.name);
        try {
            ErrorLaw.check(result, fused.formula.apply(Rounding.NONE), Values.of(defined.shape(), defined.toHost()));
        } catch (AssertionError e) {
            throw new AssertionError(fused.name + ": " + e.getMessage(), e);
        }
    }

    /** The same operations, but fused ones are run as {@link Ops} defines them, also in the scopes that a definition opens. */
    private static Ops definitions(Ops ops) {
        InvocationHandler handler = (proxy, method, arguments) -> {
            if (method.getName().equals("in")) {
                return definitions(ops.in((Scope) arguments[0]));
            }
            return method.isDefault()
                    ? InvocationHandler.invokeDefault(proxy, method, arguments)
                    : method.invoke(ops, arguments);
        };
        return (Ops) Proxy.newProxyInstance(Ops.class.getClassLoader(), new Class<?>[] {Ops.class}, handler);
    }

    private List<Fused> ofTokens(int rows, int in, int out, @Nullable Values bias) {
        Values x = held(0, 1, rows, in);
        Values residual = held(0, 1, rows, out);
        Values weight = normal(0, 1 / Math.sqrt(in), out, in);
        Values gate = normal(0, 2 / Math.sqrt(in), out, in);
        Tensor a = upload(x);
        Tensor b = upload(residual);
        LinearWeight layer = ops.linearWeight(host(weight), bias == null ? null : host(bias), dtype);
        LinearWeight gateLayer = ops.linearWeight(host(gate), bias == null ? null : host(bias), dtype);
        Function<Rounding, Values> y = r -> Formulas.linear(r, x, weight.in(dtype), bias);
        Function<Rounding, Values> g = r -> Formulas.linear(r, x, gate.in(dtype), bias);
        List<Fused> fused = new ArrayList<>(List.of(embeddingAdd(rows, in)));
        fused.add(new Fused("linearGelu", o -> o.linearGelu(a, layer), r -> Formulas.gelu(r, y.apply(r))));
        fused.add(
                new Fused("linearQuickGelu", o -> o.linearQuickGelu(a, layer), r -> Formulas.quickGelu(r, y.apply(r))));
        fused.add(new Fused("linearSilu", o -> o.linearSilu(a, layer), r -> Formulas.silu(r, y.apply(r))));
        fused.add(new Fused("linearAdd", o -> o.linearAdd(a, layer, b), r -> Formulas.add(r, y.apply(r), residual)));
        fused.add(new Fused(
                "linearGeglu",
                o -> o.linearGeglu(a, layer, gateLayer),
                r -> Formulas.mul(r, y.apply(r), Formulas.gelu(r, g.apply(r)))));
        fused.add(linearConcat(x, residual, out));
        return fused;
    }

    private Fused linearConcat(Values x, Values y, int out) {
        Tensor a = upload(x);
        Tensor b = upload(y);
        Layer layer = layer(x.dim(-1) + y.dim(-1), out, normal(0, 1, out));
        return new Fused(
                "linearConcat",
                o -> o.linearConcat(a, b, layer.weight),
                r -> layer.formula.apply(r, Formulas.concatChannels(x, y)));
    }

    /** A layer on a device, and its formula of any x. */
    private record Layer(LinearWeight weight, BiFunction<Rounding, Values, Values> formula) {}

    private Layer layer(int in, int out, @Nullable Values bias) {
        Values weight = normal(0, 1 / Math.sqrt(in), out, in);
        return new Layer(
                ops.linearWeight(host(weight), bias == null ? null : host(bias), dtype),
                (r, x) -> Formulas.linear(r, x, weight.in(dtype), bias));
    }

    /** @param activated whether activations are among what follows a normalisation of x */
    private List<Fused> ofRows(Values x, int out, @Nullable Values bias, boolean activated) {
        int in = x.dim(1);
        Tensor a = upload(x);
        Values gain = normal(1, 0.5, in);
        Values shift = normal(0, 1, in);
        Affine affine = new Affine(upload(gain, DType.F32), upload(shift, DType.F32));
        Function<Rounding, Values> normal = r -> Formulas.layerNorm(r, x, gain, shift, EPSILON);
        Layer first = layer(in, out, bias);
        Layer second = layer(in, out, bias);
        // One more than CUDA takes in a launch.
        List<Layer> layers = List.of(first, second, layer(in, out, null), layer(in, out, bias));
        LinearWeight[] weights = layers.stream().map(Layer::weight).toArray(LinearWeight[]::new);
        List<Fused> fused = new ArrayList<>();
        fused.add(new Fused("linears", o -> joined(o, o.linears(a, weights)), r -> joined(r, layers, x)));
        fused.add(new Fused(
                "layerNormLinears",
                o -> joined(o, o.layerNormLinears(a, affine, EPSILON, weights)),
                r -> joined(r, layers, normal.apply(r))));
        fused.add(new Fused(
                "layerNormLinear",
                o -> o.layerNormLinear(a, affine, EPSILON, first.weight),
                r -> first.formula.apply(r, normal.apply(r))));
        fused.add(new Fused(
                "layerNormLinearGeglu",
                o -> o.layerNormLinearGeglu(a, affine, EPSILON, first.weight, second.weight),
                r -> Formulas.mul(
                        r,
                        first.formula.apply(r, normal.apply(r)),
                        Formulas.gelu(r, second.formula.apply(r, normal.apply(r))))));
        if (activated) {
            fused.add(new Fused(
                    "layerNormLinearGelu",
                    o -> o.layerNormLinearGelu(a, affine, EPSILON, first.weight),
                    r -> Formulas.gelu(r, first.formula.apply(r, normal.apply(r)))));
            fused.add(new Fused(
                    "layerNormLinearQuickGelu",
                    o -> o.layerNormLinearQuickGelu(a, affine, EPSILON, first.weight),
                    r -> Formulas.quickGelu(r, first.formula.apply(r, normal.apply(r)))));
        }
        return fused;
    }

    private static Tensor joined(Ops ops, List<Tensor> results) {
        return ops.concatRows(results.toArray(Tensor[]::new));
    }

    private static Values joined(Rounding r, List<Layer> layers, Values x) {
        return Formulas.concatRows(
                layers.stream().map(layer -> layer.formula.apply(r, x)).toArray(Values[]::new));
    }

    /** Two texts of {@code tokens}, from a table of 5 rows. */
    private Fused embeddingAdd(int tokens, int channels) {
        Values table = held(0, 1, 5, channels);
        Values positions = held(0, 1, tokens, channels);
        int[] ids = random.ints(2L * tokens, 0, 5).toArray();
        Values rows = Values.of(Shape.of(2, tokens, channels));
        Arrays.setAll(rows.numbers, i -> table.numbers[ids[i / channels] * channels + i % channels]);
        Tensor a = ops.upload(Shape.of(2, tokens), ids);
        Tensor b = upload(table);
        Tensor c = upload(positions);
        return new Fused("embeddingAdd", o -> o.embeddingAdd(a, b, c), r -> Formulas.add(r, rows, positions));
    }

    private List<Fused> ofMaps(int n, int h, int w, int in, int out, int kernel, int stride) {
        Conv2dWeight.Geometry geometry = new Conv2dWeight.Geometry(stride, kernel / 2, kernel / 2, false);
        Values x = held(0, 1, n, h, w, in);
        Values weight = normal(0, 1 / Math.sqrt(in * kernel * kernel), out, in, kernel, kernel);
        Values bias = normal(0, 1, out);
        Tensor a = upload(x);
        Conv2dWeight layer = ops.conv2dWeight(host(weight), host(bias), geometry, dtype);
        Function<Rounding, Values> y = r -> Formulas.conv2d(r, x, weight.in(dtype), bias, geometry);
        Values residual = Values.of(ops.conv2d(a, layer).shape())
                .map(zero -> random.nextGaussian())
                .in(dtype);
        Values perImage = held(0, 1, n, out);
        Tensor b = upload(residual);
        Tensor t = upload(perImage);
        List<Fused> fused = new ArrayList<>();
        fused.add(new Fused("conv2dAdd", o -> o.conv2dAdd(a, layer, b), r -> Formulas.add(r, y.apply(r), residual)));
        fused.add(new Fused(
                "conv2dAddPerChannel",
                o -> o.conv2dAddPerChannel(a, layer, t),
                r -> Formulas.addPerChannel(r, y.apply(r), perImage)));
        fused.add(upsampling(x, a, weight, bias, kernel, 2 * h, 2 * w));
        fused.add(upsampling(x, a, weight, bias, kernel, 2 * h + 1, 2 * w - 1));
        fused.add(groupNormSilu(x, a, in / 2));
        fused.add(groupNormSiluConcat(x, a, residual.dim(1) == h && residual.dim(2) == w ? residual : x));
        return fused;
    }

    private Fused upsampling(Values x, Tensor a, Values weight, Values bias, int kernel, int height, int width) {
        Conv2dWeight.Geometry geometry = Conv2dWeight.Geometry.afterUpsample(kernel);
        Conv2dWeight layer = ops.conv2dWeight(host(weight), host(bias), geometry, dtype);
        return new Fused(
                "upsampleConv2d",
                o -> o.upsampleConv2d(a, height, width, layer),
                r -> Formulas.conv2d(r, Formulas.upsampleNearest(x, height, width), weight.in(dtype), bias, geometry));
    }

    private Fused groupNormSilu(Values x, Tensor a, int groups) {
        Values gain = normal(1, 0.5, x.dim(-1));
        Values shift = normal(0, 1, x.dim(-1));
        Affine affine = new Affine(upload(gain, DType.F32), upload(shift, DType.F32));
        return new Fused(
                "groupNormSilu",
                o -> o.groupNormSilu(a, affine, groups, EPSILON),
                r -> Formulas.silu(r, Formulas.groupNorm(r, x, gain, shift, groups, EPSILON)));
    }

    /** Groups of two channels and, where the number of all is divisible by 4, of four: some may lie in both maps. */
    private Fused groupNormSiluConcat(Values x, Tensor a, Values y) {
        Tensor b = upload(y);
        int channels = x.dim(-1) + y.dim(-1);
        int groups = channels % 4 == 0 ? channels / 4 : channels / 2;
        Values gain = normal(1, 0.5, channels);
        Values shift = normal(0, 1, channels);
        Affine affine = new Affine(upload(gain, DType.F32), upload(shift, DType.F32));
        return new Fused(
                "groupNormSiluConcat",
                o -> o.groupNormSiluConcat(a, b, affine, groups, EPSILON),
                r -> Formulas.silu(
                        r, Formulas.groupNorm(r, Formulas.concatChannels(x, y), gain, shift, groups, EPSILON)));
    }

    /** Terms of f32 and of the type under test in turn. */
    private Fused weightedSums(int images, int perImage, int terms, int sums, int rows) {
        Values coefficients = normal(0, 5, rows, sums * terms);
        Values[] values = new Values[terms];
        Tensor[] tensors = new Tensor[terms];
        for (int k = 0; k < terms; k++) {
            values[k] = held(0, 1, images, perImage);
            tensors[k] = upload(values[k], k % 2 == 0 ? dtype : DType.F32);
        }
        Tensor factors = upload(coefficients, DType.F32);
        return new Fused(
                "weightedSums",
                o -> o.concatRows(o.weightedSums(factors, sums, tensors).toArray(Tensor[]::new)),
                r -> Formulas.weightedSums(r, coefficients, sums, values));
    }
}
