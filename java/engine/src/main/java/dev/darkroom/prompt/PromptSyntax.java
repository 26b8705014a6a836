package dev.darkroom.prompt;

/** How prompts are read. */
public enum PromptSyntax {
    /** AUTOMATIC1111's language: weights, schedules, AND, BREAK, wildcards; long prompts are encoded in chunks. */
    A1111,

    /** Every character is text, and what the text encoder has no room for is cut off, as in diffusers. */
    PLAIN
}
