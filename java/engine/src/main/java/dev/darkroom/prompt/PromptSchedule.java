package dev.darkroom.prompt;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * A prompt whose text changes from step to step: {@code [a:b:0.5]} is a, then b; {@code [b:0.5]} adds b later, {@code [a::0.5]} takes a away;
 * {@code [a|b]} alternates.
 *
 * <p>AUTOMATIC1111's rules (prompt_parser.py, get_learned_conditioning_prompt_schedules): a number with a point is a share of the steps, else a number of
 * steps; a backslash keeps its meaning for {@link Attention}, which reads the texts later; brackets that do not match, or hold something else, are text.
 */
public final class PromptSchedule {
    /**
     * A text and how long it holds.
     *
     * @param last the last step that has it, counted from 1
     */
    public record Entry(int last, String text) {}

    private final ScheduleNode.Sequence root;

    private PromptSchedule(ScheduleNode.Sequence root) {
        this.root = root;
    }

    /** Reads a prompt; every text is one. */
    public static PromptSchedule parse(String text) {
        return new PromptSchedule(new ScheduleReader(text).read());
    }

    /** A prompt that says the same in all steps, whatever stands in it. */
    public static PromptSchedule constant(String text) {
        return new PromptSchedule(new ScheduleNode.Sequence(List.of(new ScheduleNode.Text(text))));
    }

    /** The texts of {@code steps} steps in their order. Neighbours may be equal. */
    public List<Entry> entries(int steps) {
        SortedSet<Integer> ends = new TreeSet<>(List.of(steps));
        root.forEach(node -> {
            if (node instanceof ScheduleNode.Scheduled scheduled && scheduled.last(steps) >= 1) {
                ends.add(scheduled.last(steps));
            } else if (node instanceof ScheduleNode.Alternate) {
                for (int step = 1; step <= steps; step++) {
                    ends.add(step);
                }
            }
        });
        return ends.stream()
                .map(last -> new Entry(last, root.textAt(last, steps)))
                .toList();
    }

    /** The text of each of {@code steps} steps. */
    public List<String> texts(int steps) {
        List<String> texts = new ArrayList<>();
        for (Entry entry : entries(steps)) {
            texts.addAll(Collections.nCopies(entry.last() - texts.size(), entry.text()));
        }
        return texts;
    }
}
