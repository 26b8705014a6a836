package dev.darkroom.prompt;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Finds the schedules in a prompt, in one pass and without recursion: brackets that are open lie on a stack, outermost first. What turns out to be text is
 * never taken apart: it goes on where the text before it ended.
 */
final class ScheduleReader {
    private static final Pattern NUMBER =
            Pattern.compile("[+-]?(?:[0-9]++(?:\\.[0-9]*+)?|\\.[0-9]++)(?:[eE][+-]?[0-9]++)?");
    private static final char PROMPT = 0; // stands for the bracket around the whole prompt

    private final String text;
    private final Deque<Frame> open = new ArrayDeque<>();

    ScheduleReader(String text) {
        this.text = text;
        open.addLast(new Frame(PROMPT, -1));
    }

    /** A bracket that is open, and what it holds so far. */
    private final class Frame {
        private final char bracket;
        private final int at;
        private int textFrom; // where the text began that ends the last segment
        private List<ScheduleNode> nodes = List.of(); // of the last segment, before that text
        private List<List<ScheduleNode>> ended = List.of(); // segments before it
        private @Nullable StringBuilder separators; // those after each of them
        private boolean holdsSchedules;

        Frame(char bracket, int at) {
            this.bracket = bracket;
            this.at = at;
            this.textFrom = at + 1;
        }

        void add(ScheduleNode node) {
            nodes = nodes.isEmpty() ? new ArrayList<>() : nodes;
            nodes.add(node);
        }

        void endText(int to) {
            if (to > textFrom) {
                add(new ScheduleNode.Text(text.substring(textFrom, to)));
            }
            textFrom = to;
        }

        void separate(int to) {
            endText(to);
            ended = ended.isEmpty() ? new ArrayList<>() : ended;
            ended.add(nodes);
            separators = (separators == null ? new StringBuilder() : separators).append(text.charAt(to));
            nodes = List.of();
            textFrom = to + 1;
        }

        /** Takes what stands from {@code from} to {@code to} as {@code node}. */
        void take(int from, ScheduleNode node, int to) {
            endText(from);
            add(node);
            textFrom = to;
            holdsSchedules = true;
        }

        String separators() {
            return separators == null ? "" : separators.toString();
        }

        List<ScheduleNode> segment(int index) {
            return index < ended.size() ? ended.get(index) : nodes;
        }

        /** Segments {@code from} to {@code to} as they were written, with the separators between them. */
        ScheduleNode.Sequence sequence(int from, int to) {
            String between = separators();
            List<ScheduleNode> all = new ArrayList<>();
            for (int i = from; i < to; i++) {
                if (i > from) {
                    all.add(new ScheduleNode.Text(between.substring(i - 1, i)));
                }
                all.addAll(segment(i));
            }
            return new ScheduleNode.Sequence(all);
        }
    }

    ScheduleNode.Sequence read() {
        for (int i = 0; i < text.length(); i++) {
            switch (text.charAt(i)) {
                case '\\' -> i++; // and what follows it is text
                case '(', '[' -> open.addLast(new Frame(text.charAt(i), i));
                case ')' -> close('(', i);
                case ']' -> close('[', i);
                case ':', '|' -> {
                    if (open.getLast().bracket == '[') {
                        open.getLast().separate(i);
                    }
                }
                default -> {}
            }
        }
        flatten(text.length());
        Frame all = open.getLast();
        all.endText(text.length());
        return all.sequence(0, 1);
    }

    private void close(char bracket, int at) {
        if (open.getLast().bracket != bracket) {
            flatten(at); // nothing that is open can be closed properly any more
            return;
        }
        Frame frame = open.removeLast();
        boolean mayBeSchedule = bracket == '[' && !frame.ended.isEmpty();
        if (!mayBeSchedule && !frame.holdsSchedules) {
            return;
        }
        frame.endText(at);
        ScheduleNode node = mayBeSchedule ? schedule(frame) : null;
        if (node != null || frame.holdsSchedules) {
            open.getLast().take(frame.at, node == null ? literal(frame, text.substring(at, at + 1)) : node, at + 1);
        }
    }

    /** Brackets that are open before {@code to} become text, with all that they hold. */
    private void flatten(int to) {
        boolean holdSchedules = open.stream().skip(1).anyMatch(frame -> frame.holdsSchedules);
        List<Frame> frames = new ArrayList<>(open);
        Frame all = frames.get(0);
        for (int i = 1; i < frames.size() && holdSchedules; i++) {
            Frame frame = frames.get(i);
            int end = i + 1 < frames.size() ? frames.get(i + 1).at : to;
            frame.endText(end);
            all.take(frame.at, literal(frame, ""), end);
        }
        open.clear();
        open.addLast(all);
    }

    private static ScheduleNode literal(Frame frame, String closing) {
        return new ScheduleNode.Sequence(List.of(
                new ScheduleNode.Text(String.valueOf(frame.bracket)),
                frame.sequence(0, frame.ended.size() + 1),
                new ScheduleNode.Text(closing)));
    }

    /** What stands in square brackets with separators: a schedule or an alternation; null where it is text. */
    private static @Nullable ScheduleNode schedule(Frame frame) {
        String separators = frame.separators();
        int count = separators.length() + 1;
        int colon = separators.indexOf(':');
        if (colon < 0) {
            List<ScheduleNode.Sequence> options = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                options.add(frame.sequence(i, i + 1));
            }
            return new ScheduleNode.Alternate(options);
        }
        int second = separators.indexOf(':', colon + 1);
        int last = second < 0 ? colon : second;
        String number = plain(frame.segment(count - 1));
        if (last != separators.length() - 1 || !NUMBER.matcher(number).matches()) {
            return null;
        }
        int middle = second < 0 ? 0 : colon + 1; // the first segment of what comes later
        return new ScheduleNode.Scheduled(frame.sequence(0, middle), frame.sequence(middle, count - 1), number);
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
