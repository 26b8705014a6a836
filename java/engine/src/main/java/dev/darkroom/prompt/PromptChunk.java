package dev.darkroom.prompt;

import java.util.Arrays;

/** What a text encoder takes at once: start, up to 75 tokens, end, padding; and for each of these places how much it counts. */
public final class PromptChunk {
    private final int[] ids;
    private final double[] weights;

    PromptChunk(int[] ids, double[] weights) {
        this.ids = ids;
        this.weights = weights;
    }

    /** As many ids as the text encoder has positions. */
    public int[] ids() {
        return ids.clone();
    }

    /** The weight of each place; 1 where nothing else is said. */
    public double[] weights() {
        return weights.clone();
    }

    /** How many tokens there is room for: 75. */
    public int room() {
        return ids.length - 2;
    }

    /** Whether every place counts as it is. */
    boolean isPlain() {
        return Arrays.stream(weights).allMatch(weight -> weight == 1);
    }
}
