package dev.darkroom.tokenizer;

import java.util.Arrays;

/** A prompt as a text encoder takes it: start, tokens, end, padding. */
public final class TokenizedPrompt {
    private final int[] ids;
    private final int tokens;
    private final String cutOff;

    TokenizedPrompt(int[] ids, int tokens, String cutOff) {
        this.ids = ids;
        this.tokens = tokens;
        this.cutOff = cutOff;
    }

    /** As many ids as the text encoder has positions. */
    public int[] ids() {
        return ids.clone();
    }

    /** Number of tokens of the whole text, without start, end and padding. */
    public int tokens() {
        return tokens;
    }

    /** The end of the text that found no room; empty when all of it did. */
    public String cutOff() {
        return cutOff;
    }

    @Override
    public String toString() {
        return Arrays.toString(ids);
    }
}
