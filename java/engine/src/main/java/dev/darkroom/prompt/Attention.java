package dev.darkroom.prompt;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntConsumer;

/**
 * Weights in a text: {@code (x)} counts 1.1 times, {@code [x]} 1 / 1.1 times, {@code (x:1.3)} 1.3 times; brackets may be nested, and {@code \(} is a
 * bracket of the text itself.
 *
 * <p>AUTOMATIC1111's rules (prompt_parser.py, parse_prompt_attention): a bracket that is not closed acts to the end; one that was not opened is text.
 *
 * @param texts    the pieces in their order, neighbours of equal weight joined; at least one
 * @param unclosed how many brackets were not closed
 * @param stray    how many brackets close nothing
 */
public record Attention(List<WeightedText> texts, int unclosed, int stray) {
    /** Each piece is multiplied once for every bracket around it, so that depth times length must stay bounded. */
    static final int MAX_DEPTH = 256;

    static final double ROUND = 1.1;
    static final double SQUARE = 1 / 1.1;

    /** Reads a text in which both kinds of brackets are weights. @throws PromptException when a weight is no number, or brackets are too deep */
    public static Attention parse(String text) {
        return parse(text, true);
    }

    /** As {@link #parse(String)}; {@code squareBrackets} says whether {@code [x]} is a weight, or text as in ComfyUI. */
    public static Attention parse(String text, boolean squareBrackets) {
        return new Reader(text, squareBrackets).read();
    }

    /** Pieces as they are read, and where the brackets that are open began. */
    private static final class Reader {
        private final String text;
        private final boolean squareBrackets;
        private final List<String> pieces = new ArrayList<>();
        private final Openings round = new Openings();
        private final Openings square = new Openings();
        private double[] weights = new double[16];
        private int position;
        private int stray;

        Reader(String text, boolean squareBrackets) {
            this.text = text;
            this.squareBrackets = squareBrackets;
        }

        Attention read() {
            while (position < text.length()) {
                readNext(text.charAt(position));
            }
            round.forEachFromTheFirst(from -> multiply(from, ROUND));
            square.forEachFromTheFirst(from -> multiply(from, SQUARE));
            return new Attention(joined(), round.count + square.count, stray);
        }

        private void readNext(char c) {
            switch (c) {
                case '\\' -> readEscape();
                case '(' -> open(round);
                case ')' -> close(round, ROUND, ")");
                case ':' -> readColon();
                case '[', ']' -> {
                    if (!squareBrackets) {
                        add(String.valueOf(c), 1);
                        position++;
                    } else if (c == '[') {
                        open(square);
                    } else {
                        close(square, SQUARE, "]");
                    }
                }
                default -> readRun();
            }
        }

        /** A backslash and the bracket or backslash after it; alone it is dropped. */
        private void readEscape() {
            boolean escapes = position + 1 < text.length() && "()[]\\".indexOf(text.charAt(position + 1)) >= 0;
            add(escapes ? text.substring(position + 1, position + 2) : "", 1);
            position += escapes ? 2 : 1;
        }

        private void open(Openings openings) {
            if (round.count + square.count == MAX_DEPTH) {
                throw new PromptException("brackets are open " + MAX_DEPTH + " deep at character " + (position + 1)
                        + "; close them, or write \\( for a bracket of the text");
            }
            openings.push(pieces.size());
            position++;
        }

        private void close(Openings openings, double factor, String bracket) {
            if (openings.count > 0) {
                multiply(openings.pop(), factor);
            } else {
                add(bracket, 1);
                stray++;
            }
            position++;
        }

        /** {@code :1.3)} closes a bracket with its weight; any other colon is text. */
        private void readColon() {
            int begin = Characters.skipSpace(text, position + 1, text.length());
            int end = begin < text.length() && "+-".indexOf(text.charAt(begin)) >= 0 ? begin + 1 : begin;
            int digits = end;
            while (end < text.length() && (text.charAt(end) == '.' || Character.isDigit(text.charAt(end)))) {
                end++;
            }
            int closing = Characters.skipSpace(text, end, text.length());
            if (end == digits || closing == text.length() || text.charAt(closing) != ')') {
                add(":", 1);
                position++;
            } else if (round.count == 0) {
                add(text.substring(position, closing + 1), 1);
                stray++;
                position = closing + 1;
            } else {
                multiply(round.pop(), number(text.substring(begin, end)));
                position = closing + 1;
            }
        }

        private double number(String digits) {
            try {
                StringBuilder plain = new StringBuilder();
                for (int i = 0; i < digits.length(); i++) {
                    char c = digits.charAt(i);
                    plain.append(Character.isDigit(c) ? Character.forDigit(Character.digit(c, 10), 10) : c);
                }
                return Double.parseDouble(plain.toString());
            } catch (NumberFormatException e) {
                throw new PromptException("the weight \"" + digits + "\" at character " + (position + 1)
                        + " is no number; write (text:1.3)");
            }
        }

        /** Text up to the next character that means something, with the BREAKs in it. */
        private void readRun() {
            int end = position;
            while (end < text.length() && "\\()[]:".indexOf(text.charAt(end)) < 0) {
                end++;
            }
            String run = text.substring(position, end);
            int from = 0;
            int at = Characters.indexOfWord(run, WeightedText.BREAK, 0);
            while (at >= 0) {
                add(run.substring(from, Characters.trimEnd(run, from, at)), 1);
                add(WeightedText.BREAK, -1);
                from = Characters.skipSpace(run, at + WeightedText.BREAK.length(), run.length());
                at = Characters.indexOfWord(run, WeightedText.BREAK, from);
            }
            add(run.substring(from), 1);
            position = end;
        }

        private void add(String piece, double weight) {
            if (pieces.size() == weights.length) {
                weights = Arrays.copyOf(weights, 2 * weights.length);
            }
            weights[pieces.size()] = weight;
            pieces.add(piece);
        }

        private void multiply(int from, double factor) {
            for (int i = from; i < pieces.size(); i++) {
                weights[i] *= factor;
            }
        }

        private List<WeightedText> joined() {
            if (pieces.isEmpty()) {
                return List.of(new WeightedText("", 1));
            }
            List<WeightedText> joined = new ArrayList<>();
            StringBuilder current = new StringBuilder();
            for (int i = 0; i < pieces.size(); i++) {
                current.append(pieces.get(i));
                if (i + 1 == pieces.size() || weights[i + 1] != weights[i]) {
                    joined.add(new WeightedText(current.toString(), finite(weights[i], current)));
                    current.setLength(0);
                }
            }
            return List.copyOf(joined);
        }

        private static double finite(double weight, CharSequence piece) {
            if (!Float.isFinite((float) weight)) {
                throw new PromptException("the weights around \"" + Excerpt.of(piece) + "\" multiply to " + weight
                        + "; they must be finite numbers");
            }
            return weight;
        }
    }

    /** Where brackets were opened, as numbers of pieces. */
    private static final class Openings {
        private final int[] from = new int[MAX_DEPTH];
        private int count;

        void push(int piece) {
            from[count++] = piece;
        }

        int pop() {
            return from[--count];
        }

        void forEachFromTheFirst(IntConsumer action) {
            for (int i = 0; i < count; i++) {
                action.accept(from[i]);
            }
        }
    }
}
