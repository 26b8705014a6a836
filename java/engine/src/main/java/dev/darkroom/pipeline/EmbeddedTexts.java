package dev.darkroom.pipeline;

import dev.darkroom.tensor.Shape;
import org.jspecify.annotations.Nullable;

/** Embeddings of n texts of equal length, on the host. */
public final class EmbeddedTexts {
    private final Shape shape;
    private final float[] tokens;
    private final float @Nullable [] projected;

    private EmbeddedTexts(Shape shape, float[] tokens, float @Nullable [] projected) {
        this.shape = shape;
        this.tokens = tokens;
        this.projected = projected;
    }

    /** [n, t, c]: t is the number of chunks times the encoder's positions. */
    public Shape shape() {
        return shape;
    }

    /** The embedding of each token, row-major. */
    public float[] tokens() {
        return tokens.clone();
    }

    /** The embedding of each whole text [n, p], made from its first chunk; null for encoders without one. */
    public float @Nullable [] projected() {
        return projected == null ? null : projected.clone();
    }

    /** Takes texts chunk by chunk. */
    static final class Builder {
        private final Shape shape;
        private final float[] tokens;
        private float @Nullable [] projected;
        private final int texts;
        private int filled;
        private int ended;

        /** For {@code texts} texts of {@code chunks} chunks of {@code positions} tokens, {@code chunkSize} numbers in each chunk. */
        Builder(int texts, int chunks, int positions, int chunkSize) {
            this.texts = texts;
            shape = Shape.of(texts, chunks * positions, chunkSize / positions);
            tokens = new float[Math.toIntExact(shape.count())];
        }

        void add(float[] chunk) {
            System.arraycopy(chunk, 0, tokens, filled, chunk.length);
            filled += chunk.length;
        }

        void endText(float @Nullable [] whole) {
            if (whole != null) {
                projected = projected == null ? new float[texts * whole.length] : projected;
                System.arraycopy(whole, 0, projected, ended * whole.length, whole.length);
            }
            ended++;
        }

        EmbeddedTexts build() {
            return new EmbeddedTexts(shape, tokens, projected);
        }
    }
}
