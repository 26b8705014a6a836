package dev.darkroom.nn;

import dev.darkroom.tensor.LinearWeight;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Tensor;
import java.util.List;
import java.util.stream.Stream;

/** x · weightᵀ + bias, [..., in] → [..., out]. */
public final class Linear {
    private final LinearWeight weight;

    private Linear(LinearWeight weight) {
        this.weight = weight;
    }

    /** A layer with weight [out, in] and bias [out]. */
    public static Linear withBias(Parameters p, int in, int out) {
        return new Linear(p.linear(in, out, true));
    }

    /** A layer with weight [out, in] alone. */
    public static Linear withoutBias(Parameters p, int in, int out) {
        return new Linear(p.linear(in, out, false));
    }

    /** x [..., in] → [..., out]. */
    public Tensor forward(Ops ops, Tensor x) {
        return ops.linear(x, weight);
    }

    /** silu(linear(x)). */
    public Tensor silu(Ops ops, Tensor x) {
        return ops.linearSilu(x, weight);
    }

    /** linear(x) + residual. */
    public Tensor add(Ops ops, Tensor x, Tensor residual) {
        return ops.linearAdd(x, weight, residual);
    }

    /** linear of the channels of a followed by those of b. */
    Tensor concat(Ops ops, Tensor a, Tensor b) {
        return ops.linearConcat(a, b, weight);
    }

    /** layer(x) for each of some layers of one size, [..., in] → [..., out] each. */
    static List<Tensor> all(Ops ops, Tensor x, Linear... layers) {
        return ops.linears(x, weights(layers));
    }

    LinearWeight weight() {
        return weight;
    }

    static LinearWeight[] weights(Linear... layers) {
        return Stream.of(layers).map(Linear::weight).toArray(LinearWeight[]::new);
    }
}
