package dev.darkroom.nn;

import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Tensor;
import java.util.function.Consumer;
import java.util.function.Function;

/** Self-attention, cross-attention and feed-forward, each on normalised input and added to what came in. */
public final class TransformerBlock {
    private static final float EPSILON = 1e-5f;

    private final LayerNorm norm1;
    private final Attention attention1;
    private final LayerNorm norm2;
    private final Attention attention2;
    private final LayerNorm norm3;
    private final GegluFeedForward feedForward;
    private final boolean onlyCross;

    /**
     * @param width        channels of the tokens
     * @param contextWidth channels of the text
     * @param onlyCross    whether the first attention looks at the text as well
     */
    public TransformerBlock(Parameters p, int width, int contextWidth, int heads, boolean onlyCross) {
        this.norm1 = new LayerNorm(p.at("norm1"), width, EPSILON);
        this.attention1 = new Attention(
                p.at("attn1"), Attention.Names.DIFFUSERS, false, width, onlyCross ? contextWidth : width, width, heads);
        this.norm2 = new LayerNorm(p.at("norm2"), width, EPSILON);
        this.attention2 =
                new Attention(p.at("attn2"), Attention.Names.DIFFUSERS, false, width, contextWidth, width, heads);
        this.norm3 = new LayerNorm(p.at("norm3"), width, EPSILON);
        this.feedForward = new GegluFeedForward(p.at("ff"), width);
        this.onlyCross = onlyCross;
    }

    /** Calls {@code visitor} with each attention that looks at the text, in the order of their use. */
    void crossAttentions(Consumer<Attention> visitor) {
        if (onlyCross) {
            visitor.accept(attention1);
        }
        visitor.accept(attention2);
    }

    /** x [n, t, width], the text's keys and values by attention → [n, t, width]. */
    Tensor forward(Ops ops, Tensor x, Function<Attention, Attention.KeysValues> text) {
        Tensor h = ops.scoped(
                "attn1",
                s -> onlyCross
                        ? attention1.add(s, norm1, x, text.apply(attention1))
                        : attention1.addSelf(s, norm1, x, /* causal= */ false));
        Tensor g = ops.scoped("attn2", s -> attention2.add(s, norm2, h, text.apply(attention2)));
        return ops.scoped("ff", s -> feedForward.add(s, norm3, g));
    }
}
