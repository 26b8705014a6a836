package dev.darkroom.nn;

import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * Transformer blocks over the pixels of a feature map (Rombach et al. 2022, section 3.3).
 *
 * <p>The projections around the blocks are 1 × 1 convolutions in SD 1 and linear layers in later models: over [n, h, w, c] the same.
 */
public final class SpatialTransformer {
    private static final float EPSILON = 1e-6f; // unlike the residual blocks' 1e-5

    private final GroupNorm norm;
    private final Linear projectIn;
    private final List<TransformerBlock> blocks = new ArrayList<>();
    private final Linear projectOut;
    private final int inner;

    /** The sizes of a spatial transformer: blocks, channels of the text, heads, groups of the normalisation. */
    public record Sizes(int depth, int contextWidth, int heads, int groups, boolean onlyCross) {}

    public SpatialTransformer(Parameters p, int channels, Sizes sizes) {
        this.inner = channels / sizes.heads() * sizes.heads();
        this.norm = new GroupNorm(p.at("norm"), channels, sizes.groups(), EPSILON);
        this.projectIn = Linear.withBias(p.at("proj_in"), channels, inner);
        for (int i = 0; i < sizes.depth(); i++) {
            Parameters block = p.at("transformer_blocks").at(i);
            blocks.add(new TransformerBlock(block, inner, sizes.contextWidth(), sizes.heads(), sizes.onlyCross()));
        }
        this.projectOut = Linear.withBias(p.at("proj_out"), inner, channels);
    }

    /** Calls {@code visitor} with each attention that looks at the text, in the order of their use. */
    public void crossAttentions(Consumer<Attention> visitor) {
        blocks.forEach(block -> block.crossAttentions(visitor));
    }

    /** x [n, h, w, channels], the text's keys and values by attention → the same shape. */
    public Tensor forward(Ops ops, Tensor x, Function<Attention, Attention.KeysValues> text) {
        int n = x.dim(0);
        int pixels = x.dim(1) * x.dim(2);
        return ops.scoped("transformer", s -> {
            Tensor tokens = projectIn.forward(s, norm.forward(s, x).reshape(n, pixels, x.dim(3))); // no copy
            tokens = s.iterate(
                    "blocks", blocks.size(), tokens, (t, i, h) -> blocks.get(i).forward(t, h, text));
            return projectOut.add(s, tokens.reshape(n, x.dim(1), x.dim(2), inner), x); // a map again
        });
    }
}
