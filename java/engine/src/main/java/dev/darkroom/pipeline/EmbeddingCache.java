package dev.darkroom.pipeline;

import dev.darkroom.tensor.DType;
import java.nio.IntBuffer;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Remembers what text encoders said of chunks of tokens; those used longest ago are forgotten. One cache serves one model with one set of weights.
 *
 * <p>Embeddings are kept as the encoder gave them: weights of words act on them afterwards, so that they need not be part of the key.
 */
final class EmbeddingCache {
    /** Room for about a hundred chunks of SDXL's two encoders, 630 kB each. */
    static final long DEFAULT_BYTES = 64L << 20;

    /**
     * What an embedding depends on.
     *
     * @param encoder  0, or 1 for SDXL's second one
     * @param dtype    the encoder computes in
     * @param clipSkip the layer
     * @param ids      of the tokens
     */
    record Key(int encoder, DType dtype, int clipSkip, IntBuffer ids) {}

    private final long limit;
    private final Map<Key, EmbeddedChunk> chunks = new LinkedHashMap<>(16, 0.75f, /* accessOrder= */ true);
    private long bytes;
    private long hits;

    EmbeddingCache(long limit) {
        this.limit = limit;
    }

    @Nullable
    EmbeddedChunk get(Key key) {
        EmbeddedChunk found = chunks.get(key);
        hits += found == null ? 0 : 1;
        return found;
    }

    void put(Key key, EmbeddedChunk chunk) {
        EmbeddedChunk replaced = chunks.put(key, chunk);
        bytes += chunk.bytes() - (replaced == null ? 0 : replaced.bytes());
        Iterator<EmbeddedChunk> oldest = chunks.values().iterator();
        while (bytes > limit && oldest.hasNext()) {
            bytes -= oldest.next().bytes();
            oldest.remove();
        }
    }

    /** For when the encoders' weights change. */
    void clear() {
        chunks.clear();
        bytes = 0;
    }

    /** How often an embedding was there already. */
    long hits() {
        return hits;
    }

    long bytes() {
        return bytes;
    }
}
