package dev.darkroom.nn;

import dev.darkroom.tensor.LinearWeight;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Tensor;

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

    /** gelu(linear(x)), in the form that {@code activation} names. */
    public Tensor activated(Ops ops, Tensor x, Activation activation) {
        return switch (activation) {
            case GELU -> ops.linearGelu(x, weight);
            case QUICK_GELU -> ops.linearQuickGelu(x, weight);
        };
    }
}
