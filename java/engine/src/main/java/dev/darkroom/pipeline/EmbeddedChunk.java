package dev.darkroom.pipeline;

import org.jspecify.annotations.Nullable;

/** What a text encoder says of one chunk of tokens, on the host. */
final class EmbeddedChunk {
    private final float[] tokens;
    private final float @Nullable [] projected;

    /**
     * @param tokens    [t, c], an embedding for each token, row-major
     * @param projected [p], the embedding of the whole text; null for encoders without one
     */
    EmbeddedChunk(float[] tokens, float @Nullable [] projected) {
        this.tokens = tokens;
        this.projected = projected;
    }

    /** Not a copy: whoever reads it must not write. */
    float[] tokens() {
        return tokens;
    }

    float @Nullable [] projected() {
        return projected;
    }

    /** Whether no number is infinite or none. */
    boolean isFinite() {
        return isFinite(tokens) && (projected == null || isFinite(projected));
    }

    private static boolean isFinite(float[] values) {
        for (float value : values) {
            if (!Float.isFinite(value)) {
                return false;
            }
        }
        return true;
    }

    /** The memory it takes. */
    long bytes() {
        return (long) Float.BYTES * (tokens.length + (projected == null ? 0 : projected.length));
    }
}
