package dev.darkroom.prompt;

import java.util.List;

/**
 * A prompt as a text encoder takes it.
 *
 * @param chunks at least one
 * @param tokens how many of their places are taken, as AUTOMATIC1111 counts: chunks that a BREAK or a comma ends early count as full
 * @param cutOff the end of the text that found no room; empty but for {@link PromptSyntax#PLAIN}
 */
public record ChunkedPrompt(List<PromptChunk> chunks, int tokens, String cutOff) {}
