package dev.darkroom.tensor;

import java.util.function.DoubleUnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * The operations as formulas in plain loops: exact in double precision, and, rounded on the way, the straightforward code that the error law
 * compares with. Sums run in plain order.
 */
final class Formulas {
    private Formulas() {}

    /** x [..., in], weight [out, in], bias [out]. */
    static Values linear(Rounding r, Values x, Values weight, @Nullable Values bias) {
        int in = x.dim(-1);
        int out = weight.dim(0);
        Values y = Values.of(x.shape.with(-1, out));
        for (int row = 0; row < x.rows(); row++) {
            for (int o = 0; o < out; o++) {
                double sum = 0;
                for (int i = 0; i < in; i++) {
                    sum = r.step(sum + x.numbers[row * in + i] * weight.numbers[o * in + i]);
                }
                y.numbers[row * out + o] = r.result(bias == null ? sum : r.step(sum + bias.numbers[o]));
            }
        }
        return y;
    }

    /** x [n, h, w, in], weight [out, in, kh, kw], bias [out]. */
    static Values conv2d(Rounding r, Values x, Values weight, @Nullable Values bias, Conv2dWeight.Geometry geometry) {
        int rows = geometry.outputSize(x.dim(1), weight.dim(2));
        int columns = geometry.outputSize(x.dim(2), weight.dim(3));
        int out = weight.dim(0);
        Values y = Values.of(Shape.of(x.dim(0), rows, columns, out));
        for (int at = 0; at < y.numbers.length; at++) {
            int o = at % out;
            int column = at / out % columns;
            int row = at / out / columns % rows;
            int image = at / out / columns / rows;
            int top = row * geometry.stride() - geometry.padBefore();
            int left = column * geometry.stride() - geometry.padBefore();
            double sum = taps(r, x, weight, image, top, left, o);
            y.numbers[at] = r.result(bias == null ? sum : r.step(sum + bias.numbers[o]));
        }
        return y;
    }

    private static double taps(Rounding r, Values x, Values weight, int image, int top, int left, int o) {
        int in = x.dim(3);
        int kh = weight.dim(2);
        int kw = weight.dim(3);
        double sum = 0;
        for (int i = Math.max(0, -top); i < Math.min(kh, x.dim(1) - top); i++) {
            for (int j = Math.max(0, -left); j < Math.min(kw, x.dim(2) - left); j++) {
                int from = ((image * x.dim(1) + top + i) * x.dim(2) + left + j) * in;
                for (int c = 0; c < in; c++) {
                    sum = r.step(sum + x.numbers[from + c] * weight.numbers[((o * in + c) * kh + i) * kw + j]);
                }
            }
        }
        return sum;
    }

    /** q [n, t, c], k, v [n, s, c]. Straightforward: scores, their softmax and its product with v are three operations of the type. */
    static Values attention(Rounding r, Values q, Values k, Values v, int heads, boolean causal) {
        int t = q.dim(1);
        int s = k.dim(1);
        int c = q.dim(2);
        int d = c / heads;
        Values y = Values.of(q.shape);
        double[] p = new double[s];
        for (int row = 0; row < q.dim(0) * t; row++) {
            int keys = row / t * s * c;
            int seen = causal ? row % t + 1 : s;
            for (int head = 0; head < c; head += d) {
                softmax(r, q.numbers, row * c + head, k.numbers, keys + head, c, d, seen, p);
                for (int channel = head; channel < head + d; channel++) {
                    double sum = 0;
                    for (int j = 0; j < seen; j++) {
                        sum = r.step(sum + p[j] * v.numbers[keys + j * c + channel]);
                    }
                    y.numbers[row * c + channel] = r.result(sum);
                }
            }
        }
        return y;
    }

    private static void softmax(
            Rounding r, double[] q, int query, double[] k, int key, int c, int d, int seen, double[] p) {
        double largest = Double.NEGATIVE_INFINITY;
        for (int j = 0; j < seen; j++) {
            double sum = 0;
            for (int i = 0; i < d; i++) {
                sum = r.step(sum + q[query + i] * k[key + j * c + i]);
            }
            p[j] = r.result(sum / Math.sqrt(d));
            largest = Math.max(largest, p[j]);
        }
        double total = 0;
        for (int j = 0; j < seen; j++) {
            p[j] = r.step(Math.exp(p[j] - largest));
            total = r.step(total + p[j]);
        }
        for (int j = 0; j < seen; j++) {
            p[j] = r.result(p[j] / total);
        }
    }

    /** x [n, ..., c], gain and bias [c]. */
    static Values groupNorm(Rounding r, Values x, Values gain, Values bias, int groups, double epsilon) {
        Values y = Values.of(x.shape);
        int c = x.dim(-1);
        int width = c / groups;
        int pixels = x.rows() / x.dim(0);
        int[] at = new int[pixels * width];
        for (int image = 0; image < x.dim(0); image++) {
            for (int group = 0; group < groups; group++) {
                for (int i = 0; i < at.length; i++) {
                    at[i] = (image * pixels + i / width) * c + group * width + i % width;
                }
                normalise(r, x, at, gain, bias, epsilon, y);
            }
        }
        return y;
    }

    /** x [..., c], gain and bias [c]. */
    static Values layerNorm(Rounding r, Values x, Values gain, Values bias, double epsilon) {
        Values y = Values.of(x.shape);
        int[] at = new int[x.dim(-1)];
        for (int row = 0; row < x.rows(); row++) {
            for (int i = 0; i < at.length; i++) {
                at[i] = row * at.length + i;
            }
            normalise(r, x, at, gain, bias, epsilon, y);
        }
        return y;
    }

    /** Normalises the elements {@code at}: mean, then squares about it, then both applied. */
    private static void normalise(Rounding r, Values x, int[] at, Values gain, Values bias, double epsilon, Values y) {
        double sum = 0;
        for (int i : at) {
            sum = r.step(sum + x.numbers[i]);
        }
        double mean = r.step(sum / at.length);
        double squares = 0;
        for (int i : at) {
            double centred = r.step(x.numbers[i] - mean);
            squares = r.step(squares + centred * centred);
        }
        double factor = r.step(1 / Math.sqrt(r.step(r.step(squares / at.length) + epsilon)));
        for (int i : at) {
            int c = i % x.dim(-1);
            double normalised = r.step(r.step(x.numbers[i] - mean) * factor);
            y.numbers[i] = r.result(r.step(normalised * gain.numbers[c]) + bias.numbers[c]);
        }
    }

    /** Element by element, with b repeated over the leading dimensions of a. */
    static Values add(Rounding r, Values a, Values b) {
        Values y = Values.of(a.shape);
        for (int i = 0; i < y.numbers.length; i++) {
            y.numbers[i] = r.result(a.numbers[i] + b.numbers[i % b.numbers.length]);
        }
        return y;
    }

    static Values mul(Rounding r, Values a, Values b) {
        Values y = Values.of(a.shape);
        for (int i = 0; i < y.numbers.length; i++) {
            y.numbers[i] = r.result(a.numbers[i] * b.numbers[i % b.numbers.length]);
        }
        return y;
    }

    /** x [n, ..., c], t [n, c]. */
    static Values addPerChannel(Rounding r, Values x, Values t) {
        Values y = Values.of(x.shape);
        int c = x.dim(-1);
        int perImage = y.numbers.length / x.dim(0);
        for (int i = 0; i < y.numbers.length; i++) {
            y.numbers[i] = r.result(x.numbers[i] + t.numbers[i / perImage * c + i % c]);
        }
        return y;
    }

    static Values silu(Rounding r, Values x) {
        return map(r, x, v -> swish(r, v, 1));
    }

    static Values quickGelu(Rounding r, Values x) {
        return map(r, x, v -> swish(r, v, 1.702f));
    }

    static Values gelu(Rounding r, Values x) {
        return map(
                r,
                x,
                v -> r.dtype() == null
                        ? v * ErrorFunction.erfc(-v / Math.sqrt(2)) / 2
                        : r.step(0.5 * v) * r.step(1 + r.step(1 - ErrorFunction.erfc(r.step(v * Math.sqrt(0.5))))));
    }

    static Values map(Rounding r, Values x, DoubleUnaryOperator function) {
        return x.map(value -> r.result(function.applyAsDouble(value)));
    }

    private static double swish(Rounding r, double x, double factor) {
        return x / r.step(1 + r.step(Math.exp(-r.step(factor * x))));
    }

    /** x [n, h, w, c] → [n, height, width, c]. */
    static Values upsampleNearest(Values x, int height, int width) {
        int c = x.dim(3);
        Values y = Values.of(Shape.of(x.dim(0), height, width, c));
        for (int i = 0; i < y.numbers.length; i++) {
            int column = i / c % width * x.dim(2) / width;
            int row = i / c / width % height * x.dim(1) / height;
            int image = i / c / width / height;
            y.numbers[i] = x.numbers[((image * x.dim(1) + row) * x.dim(2) + column) * c + i % c];
        }
        return y;
    }

    /** a [..., p], b [..., q] → [..., p + q]. */
    static Values concatChannels(Values a, Values b) {
        int p = a.dim(-1);
        int q = b.dim(-1);
        Values y = Values.of(a.shape.with(-1, p + q));
        for (int row = 0; row < a.rows(); row++) {
            System.arraycopy(a.numbers, row * p, y.numbers, row * (p + q), p);
            System.arraycopy(b.numbers, row * q, y.numbers, row * (p + q) + p, q);
        }
        return y;
    }

    /** Parts of one size [n, ...] → [k · n, ...]. */
    static Values concatRows(Values... parts) {
        Values y = Values.of(parts[0].shape.with(0, parts.length * parts[0].dim(0)));
        int size = parts[0].numbers.length;
        for (int i = 0; i < parts.length; i++) {
            System.arraycopy(parts[i].numbers, 0, y.numbers, i * size, size);
        }
        return y;
    }

    /** coefficients [n or 1, sums · k], k terms [n, ...] → [sums · n, ...]. */
    static Values weightedSums(Rounding r, Values coefficients, int sums, Values... terms) {
        int images = terms[0].dim(0);
        int count = terms[0].numbers.length;
        Values y = Values.of(terms[0].shape.with(0, sums * images));
        for (int i = 0; i < y.numbers.length; i++) {
            int row = coefficients.dim(0) == 1 ? 0 : i % count / (count / images);
            for (int k = 0; k < terms.length; k++) {
                double factor = coefficients.numbers[(row * sums + i / count) * terms.length + k];
                y.numbers[i] = r.step(y.numbers[i] + factor * terms[k].numbers[i % count]);
            }
        }
        return y;
    }
}
