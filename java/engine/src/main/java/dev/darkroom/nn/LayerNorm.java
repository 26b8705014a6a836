package dev.darkroom.nn;

import dev.darkroom.tensor.Affine;
import dev.darkroom.tensor.LinearWeight;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Tensor;
import java.util.List;

/** Layer normalisation of [..., channels] (Ba et al. 2016), alone or on the way into a linear layer. */
public final class LayerNorm {
    private final Affine affine;
    private final float epsilon;

    public LayerNorm(Parameters p, int channels, float epsilon) {
        this.affine = p.affine(channels);
        this.epsilon = epsilon;
    }

    /** x [..., c] → the same shape. */
    public Tensor forward(Ops ops, Tensor x) {
        return ops.layerNorm(x, affine, epsilon);
    }

    /** layer(norm(x)), [..., c] → [..., out]. */
    Tensor linear(Ops ops, Tensor x, Linear layer) {
        return ops.layerNormLinear(x, affine, epsilon, layer.weight());
    }

    /** layer(norm(x)) for each of some layers of one size, [..., c] → [..., out] each. */
    List<Tensor> linears(Ops ops, Tensor x, Linear... layers) {
        return ops.layerNormLinears(x, affine, epsilon, Linear.weights(layers));
    }

    /** value(norm(x)) · gelu(gate(norm(x))), [..., c] → [..., out]. */
    Tensor geglu(Ops ops, Tensor x, LinearWeight value, LinearWeight gate) {
        return ops.layerNormLinearGeglu(x, affine, epsilon, value, gate);
    }

    /** gelu(layer(norm(x))), in the form that {@code activation} names. */
    public Tensor activated(Ops ops, Tensor x, Linear layer, Activation activation) {
        return switch (activation) {
            case GELU -> ops.layerNormLinearGelu(x, affine, epsilon, layer.weight());
            case QUICK_GELU -> ops.layerNormLinearQuickGelu(x, affine, epsilon, layer.weight());
        };
    }
}
