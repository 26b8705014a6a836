package dev.darkroom.pipeline;

import dev.darkroom.models.clip.ClipTextEncoder;
import dev.darkroom.models.unet.Conditioning;
import dev.darkroom.models.unet.UNet;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import dev.darkroom.tokenizer.ClipTokenizer;
import dev.darkroom.weights.ModelFamily;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** From prompts to what the U-Net needs of them. */
final class TextConditioner {
    private final Networks networks;
    private final List<ClipTokenizer> tokenizers;
    private final ModelFamily family;

    TextConditioner(Networks networks, List<ClipTokenizer> tokenizers, ModelFamily family) {
        this.networks = networks;
        this.tokenizers = tokenizers;
        this.family = family;
    }

    /** What texts mean to the U-Net: context [n, t, c], and for SDXL the pooled embedding [n, p]. */
    record Encoded(Tensor context, @Nullable Tensor pooled) {
        /** These texts, then {@code others}. */
        Encoded followedBy(Ops ops, Encoded others) {
            Tensor left = pooled;
            Tensor right = others.pooled;
            return new Encoded(
                    ops.concatRows(context, others.context),
                    left == null || right == null ? null : ops.concatRows(left, right));
        }
    }

    /** How many layers a prompt's embedding can be taken from: the largest clip skip. */
    int layers() {
        return networks.textEncoders().stream()
                        .mapToInt(encoder -> encoder.config().layers())
                        .min()
                        .orElseThrow()
                - (family == ModelFamily.SDXL ? 1 : 0);
    }

    /** Token ids [n][77] of {@code prompts} for text encoder {@code index}. */
    int[][] ids(int index, List<String> prompts) {
        return prompts.stream()
                .map(prompt -> tokenizers.get(index).tokenize(prompt).ids())
                .toArray(int[][]::new);
    }

    /**
     * Encodes prompts.
     *
     * @param clipSkip 1 for the model's own layer, 2 for the one before it, as AUTOMATIC1111 counts
     */
    Encoded encode(Ops ops, List<String> prompts, int clipSkip) {
        List<Tensor> contexts = new ArrayList<>();
        Tensor pooled = null;
        for (int i = 0; i < networks.textEncoders().size(); i++) {
            ClipTextEncoder encoder = networks.textEncoders().get(i);
            ClipTextEncoder.Output out = encoder.encode(ops, ids(i, prompts));
            contexts.add(layer(ops, encoder, out.hiddenStates(), clipSkip));
            pooled = out.projected() == null ? pooled : out.projected();
        }
        Tensor context = contexts.size() == 1 ? contexts.get(0) : ops.concatChannels(contexts.get(0), contexts.get(1));
        return new Encoded(context, family == ModelFamily.SDXL ? pooled : null);
    }

    /** SDXL takes the layer before the last and does not normalise it; the others take the last, normalised. */
    private Tensor layer(Ops ops, ClipTextEncoder encoder, List<Tensor> states, int clipSkip) {
        return family == ModelFamily.SDXL
                ? states.get(states.size() - 1 - clipSkip)
                : encoder.normalised(ops, states.get(states.size() - clipSkip));
    }

    /** The U-Net's view of encoded texts, for pictures of this size. */
    Conditioning condition(Ops ops, Encoded encoded, int width, int height) {
        UNet unet = networks.unet();
        Tensor pooled = encoded.pooled();
        if (pooled == null) {
            return unet.condition(ops, encoded.context());
        }
        int n = encoded.context().dim(0);
        float[] sizes = new float[6 * n]; // original height and width, crop top and left, target height and width
        for (int i = 0; i < n; i++) {
            float[] own = {height, width, 0, 0, height, width};
            System.arraycopy(own, 0, sizes, 6 * i, 6);
        }
        return unet.condition(ops, encoded.context(), pooled, ops.upload(Shape.of(n, 6), sizes));
    }

    /** All texts without a meaning: zeros, as SDXL has them where no negative prompt is given. */
    static Encoded zeros(Ops ops, Encoded like) {
        Tensor pooled = like.pooled();
        return new Encoded(ops.scale(like.context(), 0), pooled == null ? null : ops.scale(pooled, 0));
    }
}
