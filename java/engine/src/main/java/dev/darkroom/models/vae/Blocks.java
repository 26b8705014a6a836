package dev.darkroom.models.vae;

import dev.darkroom.nn.Parameters;
import dev.darkroom.nn.ResnetBlock;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/** What encoder and decoder have in common. */
final class Blocks {
    /** Of every normalisation in an autoencoder, unlike the U-Net's. */
    static final float EPSILON = 1e-6f;

    private Blocks() {}

    /** {@code count} residual blocks without a time embedding, the first of which takes {@code in} channels. */
    static List<ResnetBlock> resnets(Parameters p, int count, int in, int out, int groups) {
        List<ResnetBlock> resnets = new ArrayList<>();
        for (int j = 0; j < count; j++) {
            resnets.add(new ResnetBlock(p.at(j), j == 0 ? in : out, out, 0, groups, EPSILON));
        }
        return resnets;
    }

    /** The blocks one after the other. */
    static Tensor forward(Ops ops, List<ResnetBlock> resnets, Tensor x) {
        return ops.iterate(
                "resnets", resnets.size(), x, (s, j, h) -> resnets.get(j).forward(s, h, null));
    }
}
