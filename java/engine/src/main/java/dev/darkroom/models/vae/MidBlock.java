package dev.darkroom.models.vae;

import dev.darkroom.nn.Attention;
import dev.darkroom.nn.GroupNorm;
import dev.darkroom.nn.Parameters;
import dev.darkroom.nn.ResnetBlock;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Tensor;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A residual block, an attention of one head over all pixels, another residual block. */
final class MidBlock {
    private final List<ResnetBlock> resnets;
    private final @Nullable GroupNorm norm;
    private final @Nullable Attention attention;

    MidBlock(Parameters p, int channels, VaeConfig config) {
        resnets = Blocks.resnets(p.at("resnets"), 2, channels, channels, config.groups());
        Parameters a = p.at("attentions").at(0);
        norm = config.midAttention()
                ? new GroupNorm(a.at("group_norm"), channels, config.groups(), Blocks.EPSILON)
                : null;
        attention = config.midAttention()
                ? new Attention(a, Attention.Names.DIFFUSERS, true, channels, channels, channels, /* heads= */ 1)
                : null;
    }

    /** x [n, h, w, c] → the same shape. */
    Tensor forward(Ops ops, Tensor x) {
        Tensor h = resnets.get(0).forward(ops, x, null);
        return resnets.get(1).forward(ops, attend(ops, h), null);
    }

    private Tensor attend(Ops ops, Tensor x) {
        if (norm == null || attention == null) {
            return x;
        }
        return ops.scoped("attention", s -> {
            Tensor normed = norm.forward(s, x).reshape(x.dim(0), -1, x.dim(3)); // [n, h*w, c], no copy
            Tensor residual = x.reshape(x.dim(0), -1, x.dim(3));
            return attention
                    .addSelf(s, normed, /* causal= */ false, residual)
                    .reshape(x.shape().toArray());
        });
    }
}
