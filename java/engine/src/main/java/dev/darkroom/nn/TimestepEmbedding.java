package dev.darkroom.nn;

import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Tensor;

/** Two linear layers with SiLU between them, from sinusoids to the width that the residual blocks take. */
public final class TimestepEmbedding {
    private final Linear linear1;
    private final Linear linear2;

    public TimestepEmbedding(Parameters p, int in, int width) {
        this.linear1 = Linear.withBias(p.at("linear_1"), in, width);
        this.linear2 = Linear.withBias(p.at("linear_2"), width, width);
    }

    /** x [n, in] → [n, width]. */
    public Tensor forward(Ops ops, Tensor x) {
        return linear2.forward(ops, linear1.silu(ops, x));
    }
}
