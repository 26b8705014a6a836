package dev.darkroom.prompt;

import java.util.List;

/**
 * How the prompts of a picture are read and weighed.
 *
 * @param syntax   what is more than text
 * @param emphasis how weights act; without meaning for plain text
 */
public record PromptRules(PromptSyntax syntax, Emphasis emphasis) {
    /** Text and nothing else, as diffusers reads it. */
    public static final PromptRules PLAIN = new PromptRules(PromptSyntax.PLAIN, Emphasis.ORIGINAL);

    /** AUTOMATIC1111's language and its default emphasis. */
    public static final PromptRules A1111 = new PromptRules(PromptSyntax.A1111, Emphasis.ORIGINAL);

    private boolean isPlain() {
        return syntax == PromptSyntax.PLAIN;
    }

    /** The prompts that {@code prompt} is composed of. */
    public Composition composition(String prompt) {
        return isPlain() ? new Composition(List.of(new WeightedText(prompt, 1)), List.of()) : Composition.parse(prompt);
    }

    /** When which text of {@code prompt} holds. */
    public PromptSchedule schedule(String prompt) {
        return isPlain() ? PromptSchedule.constant(prompt) : PromptSchedule.parse(prompt);
    }

    /** The weights in {@code text}. */
    public Attention attention(String text) {
        return isPlain() ? new Attention(List.of(new WeightedText(text, 1)), 0, 0) : emphasis.attention(text);
    }

    /** {@code text} as the encoder of {@code chunker} takes it. */
    public ChunkedPrompt chunks(PromptChunker chunker, String text) {
        return isPlain() ? chunker.plain(text) : chunker.pack(attention(text).texts());
    }
}
