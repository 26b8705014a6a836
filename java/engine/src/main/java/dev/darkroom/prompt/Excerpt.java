package dev.darkroom.prompt;

/** The beginning of a text, for messages. */
final class Excerpt {
    private static final int LENGTH = 40;

    private Excerpt() {}

    static String of(CharSequence text) {
        return text.length() <= LENGTH ? text.toString() : text.subSequence(0, LENGTH) + "…";
    }
}
