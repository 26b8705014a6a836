package dev.darkroom.pipeline;

import dev.darkroom.models.clip.ClipTextEncoder;
import dev.darkroom.prompt.ChunkedPrompt;
import dev.darkroom.prompt.PromptChunk;
import dev.darkroom.prompt.PromptChunker;
import dev.darkroom.prompt.PromptRules;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Tensor;
import dev.darkroom.tokenizer.ClipTokenizer;
import java.nio.IntBuffer;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * One text encoder's embeddings of prompts of any length: chunks of 75 tokens are encoded one by one, weighed, and joined on the token axis
 * (AUTOMATIC1111, sd_hijack_clip.py).
 *
 * <p>The embeddings are read back to the host, where weights act on them in double precision, the same on every device, and where they are remembered.
 */
public final class PromptEncoder {
    private static final int CHUNKS_AT_ONCE = 16; // bounds the memory that hidden states take

    private final int index;
    private final Supplier<DType> dtype;
    private final Supplier<ClipTextEncoder> encoder;
    private final PromptChunker chunker;
    private final boolean normalises;
    private final EmbeddingCache cache;
    private final Function<Tensor, float[]> read;

    /** For SD1 and SD2, whose embeddings are those of a layer after the final normalisation. */
    public PromptEncoder(ClipTextEncoder encoder, ClipTokenizer tokenizer) {
        this(
                0,
                encoder::dtype,
                () -> encoder,
                tokenizer,
                true,
                new EmbeddingCache(EmbeddingCache.DEFAULT_BYTES),
                Tensor::toHost);
    }

    /**
     * @param index      of the encoder in its model
     * @param dtype      that the encoder computes in
     * @param encoder    asked for only when there is something to encode
     * @param normalises false for SDXL, which begins one layer earlier and does not normalise
     * @param read       the values of a tensor; on a device without values, others of the same number
     */
    PromptEncoder(
            int index,
            Supplier<DType> dtype,
            Supplier<ClipTextEncoder> encoder,
            ClipTokenizer tokenizer,
            boolean normalises,
            EmbeddingCache cache,
            Function<Tensor, float[]> read) {
        this.index = index;
        this.dtype = dtype;
        this.encoder = encoder;
        this.chunker = new PromptChunker(tokenizer);
        this.normalises = normalises;
        this.cache = cache;
        this.read = read;
    }

    /** {@code text} in chunks. */
    public ChunkedPrompt chunks(String text, PromptRules rules) {
        return rules.chunks(chunker, text);
    }

    /**
     * Encodes {@code texts}.
     *
     * @param count    of chunks that each becomes, filled up with the empty prompt; no text may have more
     * @param clipSkip 1 for the model's own layer, 2 for the one before it, as AUTOMATIC1111 counts
     */
    public EmbeddedTexts encode(Ops ops, List<String> texts, PromptRules rules, int count, int clipSkip) {
        Map<String, List<PromptChunk>> chunks = new HashMap<>();
        for (String text : texts) {
            chunks.computeIfAbsent(text, each -> padded(chunks(each, rules).chunks(), count));
        }
        PromptChunk empty = chunker.empty();
        Collection<IntBuffer> wanted = new LinkedHashSet<>(List.of(IntBuffer.wrap(empty.ids())));
        texts.forEach(text -> chunksOf(chunks, text).forEach(chunk -> wanted.add(IntBuffer.wrap(chunk.ids()))));
        Map<IntBuffer, EmbeddedChunk> embedded = embedded(ops, wanted, clipSkip);
        float[] base = get(embedded, empty).tokens();
        EmbeddedTexts.Builder result = new EmbeddedTexts.Builder(texts.size(), count, empty.ids().length, base.length);
        for (String text : texts) {
            for (PromptChunk chunk : chunksOf(chunks, text)) {
                result.add(rules.emphasis().apply(get(embedded, chunk).tokens(), chunk, base));
            }
            result.endText(get(embedded, chunksOf(chunks, text).get(0)).projected());
        }
        return result.build();
    }

    private List<PromptChunk> padded(List<PromptChunk> chunks, int count) {
        if (chunks.size() > count) {
            throw new IllegalArgumentException("a text of " + chunks.size() + " chunks where " + count + " are wanted");
        }
        List<PromptChunk> padded = new ArrayList<>(chunks);
        while (padded.size() < count) {
            padded.add(chunker.empty());
        }
        return padded;
    }

    private static List<PromptChunk> chunksOf(Map<String, List<PromptChunk>> chunks, String text) {
        return Objects.requireNonNull(chunks.get(text));
    }

    private static EmbeddedChunk get(Map<IntBuffer, EmbeddedChunk> embedded, PromptChunk chunk) {
        return Objects.requireNonNull(embedded.get(IntBuffer.wrap(chunk.ids())));
    }

    /** From the cache, and the others from the encoder. */
    private Map<IntBuffer, EmbeddedChunk> embedded(Ops ops, Collection<IntBuffer> wanted, int clipSkip) {
        Map<IntBuffer, EmbeddedChunk> found = new HashMap<>();
        List<IntBuffer> missing = new ArrayList<>();
        for (IntBuffer ids : wanted) {
            EmbeddedChunk known = cache.get(key(ids, clipSkip));
            if (known == null) {
                missing.add(ids);
            } else {
                found.put(ids, known);
            }
        }
        for (int from = 0; from < missing.size(); from += CHUNKS_AT_ONCE) {
            List<IntBuffer> some = missing.subList(from, Math.min(from + CHUNKS_AT_ONCE, missing.size()));
            List<EmbeddedChunk> encoded = encode(ops, some, clipSkip);
            for (int i = 0; i < encoded.size(); i++) {
                found.put(some.get(i), encoded.get(i));
                if (encoded.get(i).isFinite()) { // what overflowed is computed again, to find out where
                    cache.put(key(some.get(i), clipSkip), encoded.get(i));
                }
            }
        }
        return found;
    }

    private EmbeddingCache.Key key(IntBuffer ids, int clipSkip) {
        return new EmbeddingCache.Key(index, dtype.get(), clipSkip, ids);
    }

    private List<EmbeddedChunk> encode(Ops ops, List<IntBuffer> chunks, int clipSkip) {
        ClipTextEncoder network = encoder.get();
        int[][] ids = chunks.stream().map(IntBuffer::array).toArray(int[][]::new);
        List<EmbeddedChunk> results = new ArrayList<>();
        ops.scopedAll("text", s -> {
            ClipTextEncoder.Output out = network.encode(s, ids);
            List<Tensor> states = out.hiddenStates();
            Tensor layer = normalises
                    ? network.normalised(s, states.get(states.size() - clipSkip))
                    : states.get(states.size() - 1 - clipSkip);
            for (int i = 0; i < ids.length; i++) {
                results.add(new EmbeddedChunk(read.apply(layer.rows(i, i + 1)), row(out.projected(), i)));
            }
            return List.of();
        });
        return results;
    }

    private float @Nullable [] row(@Nullable Tensor projected, int i) {
        return projected == null ? null : read.apply(projected.rows(i, i + 1));
    }
}
