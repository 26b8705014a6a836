package dev.darkroom.models.clip;

import dev.darkroom.nn.Activation;
import dev.darkroom.nn.Attention;
import dev.darkroom.nn.LayerNorm;
import dev.darkroom.nn.Linear;
import dev.darkroom.nn.Parameters;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Tensor;
import dev.darkroom.weights.Config;
import java.util.ArrayList;
import java.util.List;

/** The transformer of either encoder: self-attention and feed-forward, each on normalised input and added to what came in (Radford et al. 2021). */
final class ClipTransformer {
    /**
     * How large it is.
     *
     * @param width      channels of the tokens
     * @param inner      channels inside the feed-forward layers
     * @param layers     number of layers
     * @param heads      attention heads
     * @param activation of the feed-forward layers: quick_gelu in OpenAI's CLIP, gelu in OpenCLIP
     * @param epsilon    of the normalisations
     */
    record Sizes(int width, int inner, int layers, int heads, Activation activation, float epsilon) {
        /** Reads what both encoders' configurations spell alike; what is absent has these values, for both 12 layers of quick_gelu. */
        static Sizes of(Config c, int width, int inner, int heads) {
            c.require("hidden_act", "quick_gelu", "gelu");
            Sizes sizes = new Sizes(
                    c.size("hidden_size", width),
                    c.size("intermediate_size", inner),
                    c.size("num_hidden_layers", 12),
                    c.size("num_attention_heads", heads),
                    c.text("hidden_act", "quick_gelu").equals("gelu") ? Activation.GELU : Activation.QUICK_GELU,
                    c.number("layer_norm_eps", 1e-5f));
            if (sizes.width % sizes.heads != 0) {
                throw c.fail(
                        "num_attention_heads",
                        "is " + sizes.heads + ", which does not divide hidden_size, " + sizes.width);
            }
            return sizes;
        }
    }

    private record Layer(LayerNorm norm1, Attention attention, LayerNorm norm2, Linear fc1, Linear fc2) {}

    private final List<Layer> layers = new ArrayList<>();
    private final Activation activation;
    private final boolean causal;

    /**
     * A transformer whose parameters are {@code p}, the encoder's {@code encoder}.
     *
     * @param causal whether each token sees only itself and those before it
     */
    ClipTransformer(Parameters p, Sizes sizes, boolean causal) {
        for (int i = 0; i < sizes.layers(); i++) {
            layers.add(layer(p.at("layers").at(i), sizes));
        }
        this.activation = sizes.activation();
        this.causal = causal;
    }

    private static Layer layer(Parameters p, Sizes sizes) {
        int width = sizes.width();
        return new Layer(
                new LayerNorm(p.at("layer_norm1"), width, sizes.epsilon()),
                new Attention(p.at("self_attn"), Attention.Names.CLIP, true, width, width, width, sizes.heads()),
                new LayerNorm(p.at("layer_norm2"), width, sizes.epsilon()),
                Linear.withBias(p.at("mlp").at("fc1"), width, sizes.inner()),
                Linear.withBias(p.at("mlp").at("fc2"), sizes.inner(), width));
    }

    /** x [n, t, width] → layers + 1 tensors of its shape: x itself, then the output of each layer. */
    List<Tensor> forward(Ops ops, Tensor x) {
        List<Tensor> states = new ArrayList<>(List.of(x));
        for (int i = 0; i < layers.size(); i++) {
            Layer layer = layers.get(i);
            Tensor before = states.get(i);
            states.add(ops.scoped("layers." + i, s -> forward(s, layer, before)));
        }
        return states;
    }

    private Tensor forward(Ops ops, Layer layer, Tensor x) {
        Tensor h = layer.attention().addSelf(ops, layer.norm1(), x, causal);
        Tensor inner = layer.norm2().activated(ops, h, layer.fc1(), activation);
        return layer.fc2().add(ops, inner, h);
    }
}
