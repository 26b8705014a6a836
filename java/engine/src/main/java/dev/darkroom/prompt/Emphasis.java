package dev.darkroom.prompt;

import java.util.Arrays;
import java.util.Locale;

/** How the weights of a prompt act on the embeddings of its tokens. */
public enum Emphasis {
    /** Embeddings are multiplied, then all of the chunk's are scaled so that their mean stays what it was: AUTOMATIC1111's default. */
    ORIGINAL,

    /** Embeddings are multiplied: AUTOMATIC1111's "No norm". */
    NO_NORM,

    /** Embeddings move away from, or towards, those of the empty prompt: e + w · (z - e), as in ComfyUI; square brackets are text. */
    COMFY;

    /** From its name: original, no-norm or comfy. @throws IllegalArgumentException when it is none; names those that are */
    public static Emphasis parse(String name) {
        String plain =
                name.toLowerCase(Locale.ROOT).replace("-", "").replace("_", "").replace(" ", "");
        return Arrays.stream(values())
                .filter(each ->
                        each.name().toLowerCase(Locale.ROOT).replace("_", "").equals(plain))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException(
                        "unknown emphasis \"" + name + "\"; known are original, no-norm, comfy"));
    }

    /** The weights of {@code text} as this mode reads them. */
    public Attention attention(String text) {
        return Attention.parse(text, this != COMFY);
    }

    /**
     * A chunk's embeddings [t, c], row-major, with its weights.
     *
     * @param chunk whose t weights are used
     * @param empty those of the empty prompt, [t, c]
     * @return a new array; {@code embeddings} itself where all weights are 1
     */
    public float[] apply(float[] embeddings, PromptChunk chunk, float[] empty) {
        if (chunk.isPlain()) {
            return embeddings;
        }
        double[] weights = chunk.weights();
        int channels = embeddings.length / weights.length;
        double[] weighted = new double[embeddings.length];
        for (int i = 0; i < weighted.length; i++) {
            double weight = weights[i / channels];
            double base = this == COMFY ? empty[i] : 0;
            weighted[i] = weight == 1 ? embeddings[i] : base + weight * (embeddings[i] - base);
        }
        double factor = this == ORIGINAL ? factor(embeddings, weighted) : 1;
        float[] result = new float[weighted.length];
        for (int i = 0; i < result.length; i++) {
            result[i] = (float) (weighted[i] * factor);
        }
        return result;
    }

    /** What brings the mean back; 1 where the weighted mean is zero, which no factor changes. */
    private static double factor(float[] before, double[] after) {
        double sumBefore = 0;
        for (float value : before) {
            sumBefore += value;
        }
        double sumAfter = Arrays.stream(after).sum();
        return sumAfter == 0 ? 1 : sumBefore / sumAfter;
    }
}
