package dev.darkroom.tensor;

import java.util.List;
import java.util.function.Function;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The operations of a device; results belong to the scope this object is bound to.
 *
 * <p>Eager: each call queues its work and returns. x and results of a layer have the layer's type (f32, f16 or bf16); sums are
 * accumulated in f32. Feature maps are [n, h, w, c], tokens [n, t, c]. An image's result never depends on its neighbours in the batch.
 *
 * <p>A fused operation is a default method whose body is its definition; devices override it, and a test compares the two.
 * Operands that do not fit raise {@link ShapeException}, which names the operation, the scope and both sides.
 */
public interface Ops {
    /** One turn of {@link #iterate}. */
    @FunctionalInterface
    interface Iteration {
        Tensor next(Ops ops, int index, Tensor value);
    }

    /** One turn of {@link #iterateAll}. */
    @FunctionalInterface
    interface StateIteration {
        List<Tensor> next(Ops ops, int index, List<Tensor> state);
    }

    // ---- where ----

    Device device();

    /** The scope that owns the results. */
    Scope scope();

    /** These operations with results owned by {@code scope}. */
    default Ops in(Scope scope) {
        return device().ops(scope);
    }

    /** Runs {@code body} in a scope of its own and releases all it made but its result. */
    default Tensor scoped(String name, Function<Ops, Tensor> body) {
        return scopedAll(name, s -> List.of(body.apply(s))).get(0);
    }

    /** As {@link #scoped}, for a body with several results. */
    default List<Tensor> scopedAll(String name, Function<Ops, List<Tensor>> body) {
        try (Scope inner = scope().child(name)) {
            List<Tensor> results = body.apply(in(inner));
            Device.ScopeListener listener = device().observer();
            for (Tensor result : results) {
                inner.moveOut(result, scope());
                if (listener != null) {
                    listener.returned(inner.path(), result);
                }
            }
            return results;
        }
    }

    /** {@code value = body(index, value)} for index 0 … count-1, each turn in a scope of its own; holds two values, not count. */
    default Tensor iterate(String name, int count, Tensor initial, Iteration body) {
        return iterateAll(name, count, List.of(initial), (s, i, values) -> List.of(body.next(s, i, values.get(0))))
                .get(0);
    }

    /** As {@link #iterate}, for a state of several tensors. */
    default List<Tensor> iterateAll(String name, int count, List<Tensor> initial, StateIteration body) {
        List<Tensor> state = initial;
        for (int i = 0; i < count; i++) {
            int index = i;
            List<Tensor> current = state;
            state = scopedAll(name + "." + i, s -> body.next(s, index, current));
            scope().releaseUnless(current, initial, state);
        }
        return state;
    }

    /**
     * A computation to be run many times, which a device may record and replay ({@link Recording}). What that takes of memory, copies of constants and
     * inputs included, belongs to this scope.
     *
     * @param name      of the scope that {@code body} runs in
     * @param key       stands for all that {@code body} depends on besides the shapes and types of its tensors: two recordings with equal names and keys
     *                  do the same. Holds the networks whose weights are read, which are compared by identity
     * @param constants tensors that keep their values for as long as this scope lives
     */
    default Recording recording(String name, Object key, List<Tensor> constants, Recording.Body body) {
        return (ops, inputs) -> ops.scopedAll(name, s -> body.apply(s, constants, inputs));
    }

    // ---- from the host ----

    /** A tensor of the host's values converted to {@code dtype}; integers keep their values. */
    Tensor upload(HostTensor values, DType dtype);

    /** An f32 tensor of these values. */
    default Tensor upload(Shape shape, float... values) {
        return upload(HostTensor.of("values", shape, values), DType.F32);
    }

    /** An i32 tensor of these values. */
    default Tensor upload(Shape shape, int... values) {
        return upload(HostTensor.of("values", shape, values), DType.I32);
    }

    /** weight [out, in], bias [out] or null → a layer for x of type {@code dtype}. The bias is kept in f32. */
    LinearWeight linearWeight(HostTensor weight, @Nullable HostTensor bias, DType dtype);

    /** weight [out, in, kh, kw] as files have it, bias [out] or null → a layer for x of type {@code dtype}. The bias is kept in f32. */
    Conv2dWeight conv2dWeight(
            HostTensor weight, @Nullable HostTensor bias, Conv2dWeight.Geometry geometry, DType dtype);

    // ---- matrix products ----

    /** x [..., in] → [..., out]: x · weightᵀ + bias. */
    Tensor linear(Tensor x, LinearWeight weight);

    /** x [n, h, w, in] → [n, h', w', out], padded with zeros. */
    Tensor conv2d(Tensor x, Conv2dWeight weight);

    /**
     * q [n, t, c], k and v [n, s, c] → [n, t, c]: softmax(q·kᵀ/√d)·v per head of d = c / heads channels; the heads lie side by side in c.
     *
     * @param causal whether token i sees keys 0 … i only (t = s)
     */
    Tensor attention(Tensor q, Tensor k, Tensor v, int heads, boolean causal);

    // ---- normalisation ----

    /** x [n, h, w, c] or [n, t, c], normalised over each image's groups of c / groups channels; biased variance (Wu and He 2018, eq. 1). */
    Tensor groupNorm(Tensor x, Affine affine, int groups, float epsilon);

    /** x [..., c] normalised over c; biased variance (Ba et al. 2016). */
    Tensor layerNorm(Tensor x, Affine affine, float epsilon);

    // ---- element by element ----

    /** a [...] + b; b has a's shape or lacks leading dimensions, over which it is repeated. */
    Tensor add(Tensor a, Tensor b);

    /** a [...] · b; b has a's shape or lacks leading dimensions, over which it is repeated. */
    Tensor mul(Tensor a, Tensor b);

    /** x · factor. */
    Tensor scale(Tensor x, float factor);

    /** x held between {@code low} and {@code high}; a NaN stays one. */
    Tensor clip(Tensor x, float low, float high);

    /** e^x. */
    Tensor exp(Tensor x);

    /** x · σ(x). */
    Tensor silu(Tensor x);

    /** x · Φ(x), with the exact error function. */
    Tensor gelu(Tensor x);

    /** x · σ(1.702 x), as OpenAI's CLIP has it. */
    Tensor quickGelu(Tensor x);

    /** x converted to {@code dtype}; x itself when it has that type already. */
    Tensor cast(Tensor x, DType dtype);

    /** x [n, h, w, c] + t [n, c], the same for every pixel. */
    Tensor addPerChannel(Tensor x, Tensor t);

    /**
     * Σ coefficients[·, k] · terms[k], all f32 of one shape [n, ...] → that shape. Samplers' steps and guidance are such sums.
     *
     * @param coefficients f32 [n, k], a row for each image, or [1, k], one for all
     */
    Tensor weightedSum(Tensor coefficients, Tensor... terms);

    // ---- moving ----

    /** a [..., p], b [..., q] → [..., p + q]. */
    Tensor concatChannels(Tensor a, Tensor b);

    /** Tensors [m, ...], [n, ...] … → [m + n + …, ...]. */
    Tensor concatRows(Tensor... parts);

    /** x [..., c] → [..., to - from]: channels {@code from} (inclusive) to {@code to} (exclusive). */
    Tensor sliceChannels(Tensor x, int from, int to);

    /** x [n, h, w, c] → [n, height, width, c]: pixel (i, j) is taken from (⌊i·h/height⌋, ⌊j·w/width⌋). */
    Tensor upsampleNearest(Tensor x, int height, int width);

    /** ids i32 [...], table [v, c] → [..., c]: row ids[i] of the table. Ids outside 0 … v-1 are the caller's error. */
    Tensor embedding(Tensor ids, Tensor table);

    // ---- diffusion ----

    /**
     * streams i32 [n, 3] → f32 [n, height, width, channels]: standard normal numbers as torch draws [channels, height, width] on a CUDA device of
     * at least as many threads. A stream is the low and the high word of an image's seed, and how many draws were made from it before.
     */
    Tensor normal(Tensor streams, int height, int width, int channels);

    /**
     * t f32 [n] → f32 [n, width]: sinusoids of half = width / 2 frequencies 10000^(-i / (half - shift)) (Vaswani et al. 2017, section 3.5, as
     * Ho et al. 2020 use it).
     *
     * @param cosFirst cosines before sines, as Stable Diffusion has them (flip_sin_to_cos)
     */
    Tensor timeEmbedding(Tensor t, int width, boolean cosFirst, float shift);

    /**
     * Guidance rescale (Lin et al. 2023, eq. 15 and 16): guided, conditional f32 [n, ...] → factor · guided · std(conditional) / std(guided)
     * + (1 - factor) · guided, with unbiased deviations over all dimensions but n.
     */
    Tensor rescaleGuidance(Tensor guided, Tensor conditional, float factor);

    /**
     * Dynamic thresholding (Saharia et al. 2022, section 2.3): x f32 [n, ...] → x held within ±s and divided by s, where s is the
     * {@code ratio} quantile of |x| of each image, held between 1 and {@code max}.
     */
    Tensor dynamicThreshold(Tensor x, float ratio, float max);

    /** x [n, h, w, 3], about -1 … 1 → u8: round(255 · clip(x / 2 + 0.5, 0, 1)), halves to even. */
    Tensor toPixels(Tensor x);

    /** x u8 [n, h, w, 3] → {@code dtype}: x / 127.5 - 1, from -1 to 1, as networks take pictures. */
    Tensor fromPixels(Tensor x, DType dtype);

    /** x [...] → i32 [1]: how many of its elements are infinite or not a number. */
    Tensor countNonFinite(Tensor x);

    // ---- fused; the body is the definition ----

    /** add(embedding(ids, table), addend); the addend is repeated as by {@link #add}. */
    default Tensor embeddingAdd(Tensor ids, Tensor table, Tensor addend) {
        return add(embedding(ids, table), addend);
    }

    /** gelu(linear(x)). */
    default Tensor linearGelu(Tensor x, LinearWeight weight) {
        return gelu(linear(x, weight));
    }

    /** quickGelu(linear(x)). */
    default Tensor linearQuickGelu(Tensor x, LinearWeight weight) {
        return quickGelu(linear(x, weight));
    }

    /** silu(linear(x)). */
    default Tensor linearSilu(Tensor x, LinearWeight weight) {
        return silu(linear(x, weight));
    }

    /** linear(x) + residual, which has the result's shape. */
    default Tensor linearAdd(Tensor x, LinearWeight weight, Tensor residual) {
        return add(linear(x, weight), residual);
    }

    /** value(x) · gelu(gate(x)) (Shazeer 2020, GEGLU). */
    default Tensor linearGeglu(Tensor x, LinearWeight value, LinearWeight gate) {
        return mul(linear(x, value), gelu(linear(x, gate)));
    }

    /** linear of the channels of a followed by those of b. */
    default Tensor linearConcat(Tensor a, Tensor b, LinearWeight weight) {
        return scoped("concat", s -> s.linear(s.concatChannels(a, b), weight));
    }

    /** linear(x) by each of some weights of one shape, in their order. */
    default List<Tensor> linears(Tensor x, LinearWeight... weights) {
        ShapeRules.linears(this, x, weights);
        return Stream.of(weights).map(weight -> linear(x, weight)).toList();
    }

    /** linear(layerNorm(x)). */
    default Tensor layerNormLinear(Tensor x, Affine affine, float epsilon, LinearWeight weight) {
        return scoped("layerNorm", s -> s.linear(s.layerNorm(x, affine, epsilon), weight));
    }

    /** linearGelu(layerNorm(x)). */
    default Tensor layerNormLinearGelu(Tensor x, Affine affine, float epsilon, LinearWeight weight) {
        return scoped("layerNorm", s -> s.linearGelu(s.layerNorm(x, affine, epsilon), weight));
    }

    /** linearQuickGelu(layerNorm(x)). */
    default Tensor layerNormLinearQuickGelu(Tensor x, Affine affine, float epsilon, LinearWeight weight) {
        return scoped("layerNorm", s -> s.linearQuickGelu(s.layerNorm(x, affine, epsilon), weight));
    }

    /** linearGeglu(layerNorm(x)). */
    default Tensor layerNormLinearGeglu(Tensor x, Affine affine, float epsilon, LinearWeight value, LinearWeight gate) {
        return scoped("layerNorm", s -> s.linearGeglu(s.layerNorm(x, affine, epsilon), value, gate));
    }

    /** linears(layerNorm(x)). */
    default List<Tensor> layerNormLinears(Tensor x, Affine affine, float epsilon, LinearWeight... weights) {
        return scopedAll("layerNorm", s -> s.linears(s.layerNorm(x, affine, epsilon), weights));
    }

    /** conv2d(x) + residual, which has the result's shape. */
    default Tensor conv2dAdd(Tensor x, Conv2dWeight weight, Tensor residual) {
        return add(conv2d(x, weight), residual);
    }

    /** conv2d(x) + t [n, out], the same for every pixel. */
    default Tensor conv2dAddPerChannel(Tensor x, Conv2dWeight weight, Tensor t) {
        return addPerChannel(conv2d(x, weight), t);
    }

    /** conv2d of x enlarged to height × width. */
    default Tensor upsampleConv2d(Tensor x, int height, int width, Conv2dWeight weight) {
        return conv2d(upsampleNearest(x, height, width), weight);
    }

    /** silu(groupNorm(x)). */
    default Tensor groupNormSilu(Tensor x, Affine affine, int groups, float epsilon) {
        return silu(groupNorm(x, affine, groups, epsilon));
    }

    /** groupNormSilu of the channels of a followed by those of b. */
    default Tensor groupNormSiluConcat(Tensor a, Tensor b, Affine affine, int groups, float epsilon) {
        return scoped("concat", s -> s.groupNormSilu(s.concatChannels(a, b), affine, groups, epsilon));
    }

    /**
     * {@code outputs} weighted sums of the same terms, each f32 or of one 16-bit type, all of one shape [n, ...] → f32 of that shape.
     *
     * @param coefficients f32 [n, outputs · k], for each image the k factors of the first sum, then those of the next, or [1, outputs · k]
     */
    default List<Tensor> weightedSums(Tensor coefficients, int outputs, Tensor... terms) {
        ShapeRules.weightedSums(this, coefficients, outputs, terms);
        Tensor[] wide = Stream.of(terms).map(term -> cast(term, DType.F32)).toArray(Tensor[]::new);
        return IntStream.range(0, outputs)
                .map(sum -> sum * terms.length)
                .mapToObj(from -> weightedSum(sliceChannels(coefficients, from, from + terms.length), wide))
                .toList();
    }
}
