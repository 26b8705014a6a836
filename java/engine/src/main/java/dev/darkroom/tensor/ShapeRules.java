package dev.darkroom.tensor;

import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The result's shape of every operation, and the one place where operands are checked.
 *
 * <p>Each rule takes the {@link Ops} that is about to run, so that a message says where it happened.
 */
public final class ShapeRules {
    private ShapeRules() {}

    public static Shape linear(Ops ops, Tensor x, LinearWeight weight) {
        requireType(ops, "linear", weight, x);
        return linear(ops, x.shape(), weight);
    }

    public static Shape linearConcat(Ops ops, Tensor a, Tensor b, LinearWeight weight) {
        requireType(ops, "linearConcat", weight, a);
        return linear(ops, concatChannels(ops, a, b), weight);
    }

    private static Shape linear(Ops ops, Shape x, LinearWeight weight) {
        if (x.dim(-1) != weight.in()) {
            throw fail(
                    ops, "linear", "x is " + x + " but the weight " + weight + " takes " + weight.in() + " channels");
        }
        return x.with(-1, weight.out());
    }

    /** The shape of each result. */
    public static Shape linears(Ops ops, Tensor x, LinearWeight... weights) {
        if (weights.length == 0) {
            throw fail(ops, "linears", "needs at least one weight");
        }
        for (LinearWeight weight : weights) {
            linear(ops, x, weight);
            requireSameOutputs(ops, "linears", weights[0], weight);
        }
        return linear(ops, x, weights[0]);
    }

    public static Shape linearGeglu(Ops ops, Tensor x, LinearWeight value, LinearWeight gate) {
        Shape shape = linear(ops, x, value);
        linear(ops, x, gate);
        requireSameOutputs(ops, "linearGeglu", value, gate);
        return shape;
    }

    private static void requireSameOutputs(Ops ops, String op, LinearWeight a, LinearWeight b) {
        if (a.out() != b.out()) {
            throw fail(ops, op, a + " and " + b + " differ in their outputs");
        }
    }

    public static Shape conv2d(Ops ops, Tensor x, Conv2dWeight weight) {
        requireRank(ops, "conv2d", x, 4);
        requireType(ops, "conv2d", weight, x);
        return convolved(ops, "conv2d", x, x.dim(1), x.dim(2), weight);
    }

    public static Shape upsampleConv2d(Ops ops, Tensor x, int height, int width, Conv2dWeight weight) {
        requireType(ops, "upsampleConv2d", weight, x);
        upsampleNearest(ops, x, height, width);
        return convolved(ops, "upsampleConv2d", x, height, width, weight);
    }

    private static Shape convolved(Ops ops, String op, Tensor x, int height, int width, Conv2dWeight weight) {
        if (x.dim(3) != weight.in()) {
            throw fail(
                    ops, op, "x is " + x.shape() + " but the weight " + weight + " takes " + weight.in() + " channels");
        }
        int rows = weight.geometry().outputSize(height, weight.kernelHeight());
        int columns = weight.geometry().outputSize(width, weight.kernelWidth());
        if (rows < 1 || columns < 1) {
            throw fail(ops, op, "x is " + x.shape() + ", too small for the kernel of " + weight);
        }
        return Shape.of(x.dim(0), rows, columns, weight.out());
    }

    public static Shape attention(Ops ops, Tensor q, Tensor k, Tensor v, int heads, boolean causal) {
        requireRank(ops, "attention", q, 3);
        requireRank(ops, "attention", k, 3);
        boolean fits = k.shape().equals(v.shape()) && q.dim(0) == k.dim(0) && q.dim(2) == k.dim(2);
        if (!fits || q.dtype() != k.dtype() || q.dtype() != v.dtype()) {
            throw fail(
                    ops,
                    "attention",
                    "q is " + q + ", k is " + k + ", v is " + v + ": batch, channels and type must agree");
        }
        if (heads < 1 || q.dim(2) % heads != 0) {
            throw fail(ops, "attention", q.dim(2) + " channels cannot be divided among " + heads + " heads");
        }
        if (causal && q.dim(1) != k.dim(1)) {
            throw fail(
                    ops,
                    "attention",
                    "causal attention takes as many queries as keys, given " + q.dim(1) + " and " + k.dim(1));
        }
        return q.shape();
    }

    public static Shape groupNorm(Ops ops, Tensor x, Affine affine, int groups) {
        requireAffine(ops, "groupNorm", x, x.dim(-1), affine);
        return grouped(ops, x.shape(), groups);
    }

    /** For the group normalisation of a's channels followed by b's. */
    public static Shape groupNormConcat(Ops ops, Tensor a, Tensor b, Affine affine, int groups) {
        Shape x = concatChannels(ops, a, b);
        requireAffine(ops, "groupNorm", x, x.dim(-1), affine);
        return grouped(ops, x, groups);
    }

    private static Shape grouped(Ops ops, Shape x, int groups) {
        if (x.rank() < 3 || groups < 1 || x.dim(-1) % groups != 0) {
            throw fail(ops, "groupNorm", "x is " + x + ": needs [n, ..., c] with c divisible by " + groups + " groups");
        }
        return x;
    }

    public static Shape layerNorm(Ops ops, Tensor x, Affine affine) {
        requireAffine(ops, "layerNorm", x, x.dim(-1), affine);
        return x.shape();
    }

    /** For add and mul: b has a's shape or lacks leading dimensions. */
    public static Shape broadcast(Ops ops, String op, Tensor a, Tensor b) {
        if (!repeats(a.shape(), a.dtype(), b)) {
            throw fail(
                    ops,
                    op,
                    a + " and " + b + " do not fit: the second must have the first's type and its trailing sizes");
        }
        return a.shape();
    }

    /** Whether b can be repeated to fill a tensor of this shape and type. */
    private static boolean repeats(Shape shape, DType dtype, Tensor b) {
        int missing = shape.rank() - b.shape().rank();
        boolean fits = missing >= 0 && dtype == b.dtype();
        for (int i = 0; fits && i < b.shape().rank(); i++) {
            fits = shape.dim(missing + i) == b.dim(i);
        }
        return fits;
    }

    /** For additions of a residual, which must have exactly the result's shape. */
    public static void residual(Ops ops, String op, Shape result, DType dtype, Tensor residual) {
        if (!residual.shape().equals(result) || residual.dtype() != dtype) {
            throw fail(ops, op, "the result is " + dtype + " " + result + " but the residual is " + residual);
        }
    }

    public static Shape addPerChannel(Ops ops, Tensor x, Tensor t) {
        perChannel(ops, "addPerChannel", x.shape(), x.dtype(), t);
        return x.shape();
    }

    /** For additions of t [n, c] to a result [n, h, w, c]. */
    public static void perChannel(Ops ops, String op, Shape result, DType dtype, Tensor t) {
        Shape expected = Shape.of(result.dim(0), result.dim(-1));
        if (!t.shape().equals(expected) || t.dtype() != dtype) {
            throw fail(
                    ops, op, "to " + dtype + " " + result + " can be added " + dtype + " " + expected + ", given " + t);
        }
    }

    public static Shape weightedSum(Ops ops, Tensor coefficients, Tensor... terms) {
        for (Tensor term : terms) {
            if (term.dtype() != DType.F32) {
                throw fail(ops, "weightedSum", "terms are f32, given " + term);
            }
        }
        return linearForms(ops, "weightedSum", coefficients, 1, terms);
    }

    public static Shape weightedSums(Ops ops, Tensor coefficients, int outputs, Tensor... terms) {
        DType narrow = DType.F32;
        for (Tensor term : terms) {
            if (term.dtype() != DType.F32) {
                boolean fits = term.dtype().isFloating() && (narrow == DType.F32 || narrow == term.dtype());
                if (!fits) {
                    throw fail(ops, "weightedSums", "terms are f32 or of one 16-bit type, given " + List.of(terms));
                }
                narrow = term.dtype();
            }
        }
        return linearForms(ops, "weightedSums", coefficients, outputs, terms);
    }

    private static Shape linearForms(Ops ops, String op, Tensor coefficients, int outputs, Tensor... terms) {
        if (terms.length == 0 || outputs < 1) {
            throw fail(ops, op, terms.length == 0 ? "needs at least one term" : "cannot give " + outputs + " sums");
        }
        Shape shape = terms[0].shape();
        for (Tensor term : terms) {
            if (!term.shape().equals(shape)) {
                throw fail(ops, op, "terms are of one shape, given " + terms[0] + " and " + term);
            }
        }
        Shape given = coefficients.shape();
        boolean fits = given.rank() == 2
                && (given.dim(0) == 1 || given.dim(0) == shape.dim(0))
                && given.dim(1) == outputs * terms.length;
        if (!fits || coefficients.dtype() != DType.F32) {
            String sums = outputs == 1 ? "" : outputs + " sums of ";
            throw fail(
                    ops, op, "coefficients are " + coefficients + " for " + sums + terms.length + " terms of " + shape);
        }
        return shape;
    }

    public static Shape concatChannels(Ops ops, Tensor a, Tensor b) {
        if (a.shape().rank() != b.shape().rank()
                || !a.shape().with(-1, 1).equals(b.shape().with(-1, 1))
                || a.dtype() != b.dtype()) {
            throw fail(ops, "concatChannels", a + " and " + b + " must agree in all but the last size");
        }
        return a.shape().with(-1, a.dim(-1) + b.dim(-1));
    }

    public static Shape concatRows(Ops ops, Tensor... parts) {
        int rows = 0;
        for (Tensor part : parts) {
            if (!part.shape().with(0, 1).equals(parts[0].shape().with(0, 1)) || part.dtype() != parts[0].dtype()) {
                throw fail(ops, "concatRows", parts[0] + " and " + part + " must agree in all but the first size");
            }
            rows += part.dim(0);
        }
        if (parts.length == 0) {
            throw fail(ops, "concatRows", "needs at least one part");
        }
        return parts[0].shape().with(0, rows);
    }

    public static Shape sliceChannels(Ops ops, Tensor x, int from, int to) {
        if (from < 0 || to > x.dim(-1) || from >= to) {
            throw fail(ops, "sliceChannels", "channels " + from + " to " + to + " of x " + x.shape());
        }
        return x.shape().with(-1, to - from);
    }

    public static Shape upsampleNearest(Ops ops, Tensor x, int height, int width) {
        requireRank(ops, "upsampleNearest", x, 4);
        if (height < 1 || width < 1) {
            throw fail(ops, "upsampleNearest", "target size " + height + " x " + width);
        }
        return Shape.of(x.dim(0), height, width, x.dim(3));
    }

    public static Shape embedding(Ops ops, Tensor ids, Tensor table) {
        requireRank(ops, "embedding", table, 2);
        if (ids.dtype() != DType.I32) {
            throw fail(ops, "embedding", "ids are " + ids + ", must be i32");
        }
        int[] dims = Arrays.copyOf(ids.shape().toArray(), ids.shape().rank() + 1);
        dims[dims.length - 1] = table.dim(1);
        return Shape.of(dims);
    }

    public static Shape embeddingAdd(Ops ops, Tensor ids, Tensor table, Tensor addend) {
        Shape shape = embedding(ops, ids, table);
        if (!repeats(shape, table.dtype(), addend)) {
            throw fail(
                    ops,
                    "embeddingAdd",
                    "to " + table.dtype() + " " + shape + " can be added what has its type and trailing sizes, given "
                            + addend);
        }
        return shape;
    }

    public static Shape normal(Ops ops, Tensor streams, int height, int width, int channels) {
        boolean fits = streams.dtype() == DType.I32 && streams.shape().rank() == 2 && streams.dim(1) == 3;
        if (!fits || height < 1 || width < 1 || channels < 1) {
            throw fail(
                    ops,
                    "normal",
                    "streams are " + streams + ", must be i32 [n, 3], for maps of " + height + " x " + width + " and "
                            + channels + " channels");
        }
        return Shape.of(streams.dim(0), height, width, channels);
    }

    public static Shape timeEmbedding(Ops ops, Tensor t, int width) {
        requireRank(ops, "timeEmbedding", t, 1);
        if (t.dtype() != DType.F32 || width < 2 || width % 2 != 0) {
            throw fail(
                    ops,
                    "timeEmbedding",
                    "t is " + t + " and the width " + width + ": needs f32 [n] and an even width");
        }
        return Shape.of(t.dim(0), width);
    }

    /** For operations on f32 [n, ...] image by image: {@code rescaleGuidance} and {@code dynamicThreshold}. */
    public static Shape perImage(Ops ops, String op, Tensor x, Tensor same) {
        if (x.dtype() != DType.F32
                || same.dtype() != DType.F32
                || !x.shape().equals(same.shape())
                || x.shape().rank() < 2) {
            throw fail(ops, op, "takes f32 [n, ...] of one shape, given " + x + " and " + same);
        }
        return x.shape();
    }

    public static Shape toPixels(Ops ops, Tensor x) {
        if (!x.dtype().isFloating()) {
            throw fail(ops, "toPixels", "x is " + x + ", must be floating");
        }
        return x.shape();
    }

    public static Shape fromPixels(Ops ops, Tensor x, DType dtype) {
        if (x.dtype() != DType.U8 || !dtype.isFloating()) {
            throw fail(ops, "fromPixels", "x is " + x + ", must be u8, and becomes floating, not " + dtype);
        }
        return x.shape();
    }

    /** weight [out, in], bias [out]. */
    public static Shape linearWeight(Ops ops, HostTensor weight, @Nullable HostTensor bias) {
        if (weight.shape().rank() != 2) {
            throw fail(ops, "linearWeight", weight + " must be [out, in]");
        }
        requireBias(ops, "linearWeight", weight, bias);
        return weight.shape();
    }

    /** weight [out, in, kh, kw], bias [out] → [out, kh, kw, in]. */
    public static Shape conv2dWeight(Ops ops, HostTensor weight, @Nullable HostTensor bias) {
        Shape given = weight.shape();
        if (given.rank() != 4) {
            throw fail(ops, "conv2dWeight", weight + " must be [out, in, kh, kw]");
        }
        requireBias(ops, "conv2dWeight", weight, bias);
        return Shape.of(given.dim(0), given.dim(2), given.dim(3), given.dim(1));
    }

    /** An exception that says which operation failed and in which scope. */
    public static ShapeException fail(Ops ops, String op, String what) {
        return new ShapeException(op + " at " + ops.scope().path() + ": " + what);
    }

    private static void requireBias(Ops ops, String op, HostTensor weight, @Nullable HostTensor bias) {
        if (bias != null && !bias.shape().equals(Shape.of(weight.shape().dim(0)))) {
            throw fail(ops, op, "the bias " + bias + " does not fit the weight " + weight);
        }
    }

    private static void requireAffine(Ops ops, String op, Object x, int channels, Affine affine) {
        Shape expected = Shape.of(channels);
        for (Tensor vector : new Tensor[] {affine.gain(), affine.bias()}) {
            if (!vector.shape().equals(expected) || vector.dtype() != DType.F32) {
                throw fail(ops, op, "x is " + x + "; gain and bias must be f32 " + expected + ", given " + vector);
            }
        }
    }

    private static void requireRank(Ops ops, String op, Tensor x, int rank) {
        if (x.shape().rank() != rank) {
            throw fail(ops, op, "takes " + rank + " dimensions, given " + x);
        }
    }

    private static void requireType(Ops ops, String op, Weight weight, Tensor x) {
        if (x.dtype() != weight.dtype()) {
            throw fail(ops, op, "x is " + x + " but the weight " + weight + " was made for " + weight.dtype());
        }
    }
}
