package dev.darkroom.prompt;

/**
 * A piece of a prompt and how much it counts.
 *
 * @param text   as the tokenizer gets it
 * @param weight 1 for plain text
 */
public record WeightedText(String text, double weight) {
    static final String BREAK = "BREAK";

    /** Whether this ends a chunk instead of being text: the word BREAK outside of weights. */
    public boolean isBreak() {
        return weight == -1 && text.equals(BREAK);
    }
}
