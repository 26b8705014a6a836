package dev.darkroom.pipeline;

import dev.darkroom.models.clip.ClipTextConfig;
import dev.darkroom.prompt.ChunkedPrompt;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.HostTensor;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import dev.darkroom.tokenizer.ClipTokenizer;
import dev.darkroom.weights.ModelFamily;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** From texts to their embeddings. */
final class TextConditioner {
    private final Networks networks;
    private final ModelFamily family;
    private final EmbeddingCache cache = new EmbeddingCache(EmbeddingCache.DEFAULT_BYTES);
    private final List<PromptEncoder> encoders = new ArrayList<>();

    /** @param read the values of a tensor; on a device without values, others of the same number */
    TextConditioner(
            Networks networks, List<ClipTokenizer> tokenizers, ModelFamily family, Function<Tensor, float[]> read) {
        this.networks = networks;
        this.family = family;
        for (int i = 0; i < tokenizers.size(); i++) {
            int index = i;
            encoders.add(new PromptEncoder(
                    i,
                    () -> networks.textType(index),
                    () -> networks.textEncoders().get(index),
                    tokenizers.get(i),
                    !family.isXl(),
                    cache,
                    read));
        }
    }

    /** How many layers a prompt's embedding can be taken from: the largest clip skip. */
    int layers() {
        int layers = networks.textConfigs().stream()
                .mapToInt(ClipTextConfig::layers)
                .min()
                .orElseThrow();
        return family.isXl() ? layers - 1 : layers;
    }

    /** What has been encoded before. */
    EmbeddingCache cache() {
        return cache;
    }

    /** Each text as each encoder takes it. */
    Stream<ChunkedPrompt> chunks(Texts texts) {
        return Stream.iterate(0, i -> i < encoders.size(), i -> i + 1)
                .flatMap(i -> texts.of(i, encoders.size()).stream().distinct().map(text -> encoders.get(i)
                        .chunks(text, texts.rules())));
    }

    /** How many chunks the longest of {@code texts} has. */
    int longest(Texts texts) {
        return chunks(texts).mapToInt(prompt -> prompt.chunks().size()).max().orElseThrow();
    }

    /** Encodes texts, each filled up to the length of the longest. */
    TextEmbedding encode(Ops ops, Texts texts) {
        return encode(ops, texts, longest(texts));
    }

    /** Encodes texts, each filled up to {@code chunks} chunks with the empty prompt. */
    TextEmbedding encode(Ops ops, Texts texts, int chunks) {
        List<Tensor> contexts = new ArrayList<>();
        Tensor pooled = null;
        for (int i = 0; i < encoders.size(); i++) {
            EmbeddedTexts embedded =
                    encoders.get(i).encode(ops, texts.of(i, encoders.size()), texts.rules(), chunks, texts.clipSkip());
            contexts.add(upload(ops, embedded.shape(), embedded.tokens(), networks.textType(i)));
            float @Nullable [] whole = embedded.projected();
            if (whole != null && family.isXl()) {
                pooled = upload(
                        ops, Shape.of(texts.images(), whole.length / texts.images()), whole, networks.textType(i));
            }
        }
        Tensor context = contexts.size() == 1 ? contexts.get(0) : ops.concatChannels(contexts.get(0), contexts.get(1));
        return new TextEmbedding(context, pooled);
    }

    private static Tensor upload(Ops ops, Shape shape, float[] values, DType dtype) {
        return ops.upload(HostTensor.of("text", shape, values), dtype);
    }
}
