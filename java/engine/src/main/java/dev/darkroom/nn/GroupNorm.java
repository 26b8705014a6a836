package dev.darkroom.nn;

import dev.darkroom.tensor.Affine;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Tensor;

/** Group normalisation of [n, ..., channels] (Wu and He 2018). */
public final class GroupNorm {
    private final Affine affine;
    private final int groups;
    private final float epsilon;

    public GroupNorm(Parameters p, int channels, int groups, float epsilon) {
        this.affine = p.affine(channels);
        this.groups = groups;
        this.epsilon = epsilon;
    }

    /** x [n, ..., c] → the same shape. */
    public Tensor forward(Ops ops, Tensor x) {
        return ops.groupNorm(x, affine, groups, epsilon);
    }

    /** silu(groupNorm(x)). */
    public Tensor silu(Ops ops, Tensor x) {
        return ops.groupNormSilu(x, affine, groups, epsilon);
    }

    /** silu(groupNorm) of the channels of a followed by those of b. */
    Tensor siluConcat(Ops ops, Tensor a, Tensor b) {
        return ops.groupNormSiluConcat(a, b, affine, groups, epsilon);
    }
}
