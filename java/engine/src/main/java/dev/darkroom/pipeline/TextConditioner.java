package dev.darkroom.pipeline;

import dev.darkroom.models.clip.ClipTextConfig;
import dev.darkroom.models.clip.ClipTextEncoder;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Tensor;
import dev.darkroom.tokenizer.ClipTokenizer;
import dev.darkroom.weights.ModelFamily;
import java.util.ArrayList;
import java.util.List;

/** From texts to their embeddings. */
final class TextConditioner {
    private final Networks networks;
    private final List<ClipTokenizer> tokenizers;
    private final ModelFamily family;

    TextConditioner(Networks networks, List<ClipTokenizer> tokenizers, ModelFamily family) {
        this.networks = networks;
        this.tokenizers = tokenizers;
        this.family = family;
    }

    /** How many layers a prompt's embedding can be taken from: the largest clip skip. */
    int layers() {
        int layers = networks.textConfigs().stream()
                .mapToInt(ClipTextConfig::layers)
                .min()
                .orElseThrow();
        return family.isXl() ? layers - 1 : layers;
    }

    /** Token ids [n][77] of {@code prompts} for text encoder {@code index}. */
    int[][] ids(int index, List<String> prompts) {
        return prompts.stream()
                .map(prompt -> tokenizers.get(index).tokenize(prompt).ids())
                .toArray(int[][]::new);
    }

    /** Encodes texts. */
    TextEmbedding encode(Ops ops, Texts texts) {
        List<Tensor> contexts = new ArrayList<>();
        Tensor pooled = null;
        List<ClipTextEncoder> encoders = networks.textEncoders();
        for (int i = 0; i < encoders.size(); i++) {
            ClipTextEncoder encoder = encoders.get(i);
            ClipTextEncoder.Output out = encoder.encode(ops, ids(i, texts.of(i, encoders.size())));
            contexts.add(layer(ops, encoder, out.hiddenStates(), texts.clipSkip()));
            pooled = out.projected() == null ? pooled : out.projected();
        }
        Tensor context = contexts.size() == 1 ? contexts.get(0) : ops.concatChannels(contexts.get(0), contexts.get(1));
        return new TextEmbedding(context, family.isXl() ? pooled : null);
    }

    /** SDXL takes the layer before the last and does not normalise it; the others take the last, normalised. */
    private Tensor layer(Ops ops, ClipTextEncoder encoder, List<Tensor> states, int clipSkip) {
        return family.isXl()
                ? states.get(states.size() - 1 - clipSkip)
                : encoder.normalised(ops, states.get(states.size() - clipSkip));
    }
}
