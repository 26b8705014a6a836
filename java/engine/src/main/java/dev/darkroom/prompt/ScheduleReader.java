package dev.darkroom.prompt;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.regex.Pattern;

/** Finds the schedules in a prompt, in one pass and without recursion: brackets that are open lie on a stack, outermost first. */
final class ScheduleReader {
    private static final Pattern NUMBER =
            Pattern.compile("[+-]?(?:[0-9]++(?:\\.[0-9]*+)?|\\.[0-9]++)(?:[eE][+-]?[0-9]++)?");

    private final String text;
    private final Deque<Frame> open = new ArrayDeque<>(List.of(new Frame("")));

    ScheduleReader(String text) {
        this.text = text;
    }

    /** A bracket that is open, and what it holds so far; the first one is the prompt itself. */
    private static final class Frame {
        private final String bracket;
        private final StringBuilder separators = new StringBuilder(); // those between the segments
        private final List<List<ScheduleNode>> segments = new ArrayList<>(List.of(new ArrayList<>()));
        private final StringBuilder pending = new StringBuilder(); // text that ends the last segment

        Frame(String bracket) {
            this.bracket = bracket;
        }

        void add(ScheduleNode node) {
            endText();
            segments.get(segments.size() - 1).add(node);
        }

        void separate(char separator) {
            endText();
            separators.append(separator);
            segments.add(new ArrayList<>());
        }

        void endText() {
            if (pending.length() > 0) {
                segments.get(segments.size() - 1).add(new ScheduleNode.Text(pending.toString()));
                pending.setLength(0);
            }
        }

        /** Segments {@code from} to {@code to} as they were written, with the separators between them. */
        ScheduleNode.Sequence sequence(int from, int to) {
            List<ScheduleNode> nodes = new ArrayList<>();
            for (int i = from; i < to; i++) {
                if (i > from) {
                    nodes.add(new ScheduleNode.Text(separators.substring(i - 1, i)));
                }
                nodes.addAll(segments.get(i));
            }
            return new ScheduleNode.Sequence(nodes);
        }
    }

    ScheduleNode.Sequence read() {
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            switch (c) {
                case '\\' -> {
                    top().pending.append(c);
                    if (i + 1 < text.length()) {
                        top().pending.append(text.charAt(++i));
                    }
                }
                case '(', '[' -> open.addLast(new Frame(String.valueOf(c)));
                case ')', ']' -> close(c);
                case ':', '|' -> {
                    if (top().bracket.equals("[")) {
                        top().separate(c);
                    } else {
                        top().pending.append(c);
                    }
                }
                default -> top().pending.append(c);
            }
        }
        flatten();
        top().endText();
        return top().sequence(0, 1);
    }

    private Frame top() {
        return open.getLast();
    }

    private void close(char bracket) {
        if (!top().bracket.equals(bracket == ')' ? "(" : "[")) {
            flatten(); // nothing that is open can be closed properly any more
            top().pending.append(bracket);
            return;
        }
        Frame frame = open.removeLast();
        frame.endText();
        top().add(bracket == ')' ? literal(frame, ")") : bracketed(frame));
    }

    /** Brackets that are open become text, with all that they hold. */
    private void flatten() {
        Iterator<Frame> frames = open.iterator();
        Frame root = frames.next();
        while (frames.hasNext()) {
            Frame frame = frames.next();
            frame.endText();
            root.add(literal(frame, ""));
            frames.remove();
        }
    }

    private static ScheduleNode literal(Frame frame, String closing) {
        return new ScheduleNode.Sequence(List.of(
                new ScheduleNode.Text(frame.bracket),
                frame.sequence(0, frame.segments.size()),
                new ScheduleNode.Text(closing)));
    }

    /** What stands in square brackets: a schedule, an alternation, or text. */
    private static ScheduleNode bracketed(Frame frame) {
        String separators = frame.separators.toString();
        int count = frame.segments.size();
        String number = separators.endsWith(":") ? plain(frame.segments.get(count - 1)) : "";
        int colon = separators.indexOf(':');
        int second = separators.indexOf(':', colon + 1);
        boolean isLast = second < 0 || second == separators.length() - 1;
        if (colon >= 0 && isLast && NUMBER.matcher(number).matches()) {
            int middle = second < 0 ? 0 : colon + 1; // the first segment of what comes later
            return new ScheduleNode.Scheduled(
                    frame.sequence(0, middle), frame.sequence(middle, count - 1), number);
        }
        if (colon < 0 && !separators.isEmpty()) {
            List<ScheduleNode.Sequence> options = new ArrayList<>();
            frame.segments.forEach(segment -> options.add(new ScheduleNode.Sequence(segment)));
            return new ScheduleNode.Alternate(options);
        }
        return literal(frame, "]");
    }

    /** The text of a segment without the white space around it; empty where there is more in it than text. */
    private static String plain(List<ScheduleNode> segment) {
        if (segment.size() != 1 || !(segment.get(0) instanceof ScheduleNode.Text only)) {
            return "";
        }
        String all = only.text();
        int begin = Characters.skipSpace(all, 0, all.length());
        return all.substring(begin, Math.max(begin, Characters.trimEnd(all, begin, all.length())));
    }
}
