package dev.darkroom.prompt;

/** Classes of characters as Python's regular expressions have them, in which the language was first written down. */
final class Characters {
    private static final int NEXT_LINE = 0x85;

    private Characters() {}

    /** {@code \s}. */
    static boolean isSpace(char c) {
        return Character.isWhitespace(c) || Character.isSpaceChar(c) || c == NEXT_LINE;
    }

    /** {@code \w}. */
    static boolean isWord(int codePoint) {
        int type = Character.getType(codePoint);
        return Character.isLetterOrDigit(codePoint)
                || codePoint == '_'
                || type == Character.LETTER_NUMBER
                || type == Character.OTHER_NUMBER;
    }

    /** Where {@code word} next stands in {@code text} with no letter, digit or underscore beside it; -1 where it does not. */
    static int indexOfWord(String text, String word, int from) {
        int at = text.indexOf(word, from);
        while (at >= 0) {
            int end = at + word.length();
            boolean begins = at == 0 || !isWord(text.codePointBefore(at));
            boolean ends = end == text.length() || !isWord(text.codePointAt(end));
            if (begins && ends) {
                return at;
            }
            at = text.indexOf(word, at + 1);
        }
        return -1;
    }

    /** The first position from {@code from} on, and before {@code to}, that holds no white space; {@code to} where all do. */
    static int skipSpace(String text, int from, int to) {
        int i = from;
        while (i < to && isSpace(text.charAt(i))) {
            i++;
        }
        return i;
    }

    /** The end of what stands between {@code from} and {@code to} without the white space at its end. */
    static int trimEnd(String text, int from, int to) {
        int end = to;
        while (end > from && isSpace(text.charAt(end - 1))) {
            end--;
        }
        return end;
    }
}
