package dev.darkroom.nn;

import dev.darkroom.tensor.HostTensor;
import dev.darkroom.tensor.LinearWeight;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Tensor;

/** The feed-forward layer of a transformer block: out(value(x) · gelu(gate(x))) (Shazeer 2020), with 4 · width inner channels. */
public final class GegluFeedForward {
    private static final int EXPANSION = 4;

    private final LinearWeight value;
    private final LinearWeight gate;
    private final Linear out;

    public GegluFeedForward(Parameters p, int width) {
        int inner = EXPANSION * width;
        Parameters projection = p.at("net").at(0).at("proj");
        HostTensor weight = projection.path().tensor("weight", 2 * inner, width); // value's rows, then the gate's
        HostTensor bias = projection.path().tensor("bias", 2 * inner);
        value = p.ops().linearWeight(weight.rows(0, inner), bias.rows(0, inner), p.dtype());
        gate = p.ops().linearWeight(weight.rows(inner, 2 * inner), bias.rows(inner, 2 * inner), p.dtype());
        out = Linear.withBias(p.at("net").at(2), inner, width);
    }

    /** x [n, t, width] → feedForward(norm(x)) + x. */
    public Tensor add(Ops ops, LayerNorm norm, Tensor x) {
        return out.add(ops, norm.geglu(ops, x, value, gate), x);
    }
}
