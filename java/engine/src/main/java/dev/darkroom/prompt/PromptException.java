package dev.darkroom.prompt;

/** A prompt that cannot be understood; says what is wrong, where, and what to write instead. */
public final class PromptException extends IllegalArgumentException {
    private static final long serialVersionUID = 1L;

    public PromptException(String message) {
        super(message);
    }
}
