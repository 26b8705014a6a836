package dev.darkroom.nn;

import dev.darkroom.tensor.Affine;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Tensor;

/** Layer normalisation of [..., channels] (Ba et al. 2016). */
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
}
