package dev.darkroom.prompt;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.function.Consumer;

/** What a prompt consists of, for its schedule; walked without recursion, since users nest as they like. */
sealed interface ScheduleNode {
    /** Characters that are the same in all steps. */
    record Text(String text) implements ScheduleNode {}

    /** One after the other. */
    record Sequence(List<ScheduleNode> nodes) implements ScheduleNode {
        /** Calls {@code action} with all nodes below, whatever the step. */
        void forEach(Consumer<ScheduleNode> action) {
            Deque<ScheduleNode> pending = new ArrayDeque<>(List.of(this));
            while (!pending.isEmpty()) {
                ScheduleNode node = pending.pop();
                action.accept(node);
                node.children().forEach(pending::push);
            }
        }

        /** The text of step {@code step} of {@code steps}, counted from 1. */
        String textAt(int step, int steps) {
            StringBuilder text = new StringBuilder();
            Deque<ScheduleNode> pending = new ArrayDeque<>(List.of(this));
            while (!pending.isEmpty()) {
                ScheduleNode node = pending.pop();
                if (node instanceof Text plain) {
                    text.append(plain.text());
                } else if (node instanceof Scheduled scheduled) {
                    pending.push(step <= scheduled.last(steps) ? scheduled.before() : scheduled.after());
                } else if (node instanceof Alternate alternate) {
                    pending.push(alternate
                            .options()
                            .get((step - 1) % alternate.options().size()));
                } else {
                    List<ScheduleNode> children = node.children();
                    for (int i = children.size() - 1; i >= 0; i--) {
                        pending.push(children.get(i));
                    }
                }
            }
            return text.toString();
        }
    }

    /** {@code before} up to and including a step, then {@code after}. @param when the number as it was written */
    record Scheduled(Sequence before, Sequence after, String when) implements ScheduleNode {
        /** The last of {@code steps} steps that has {@code before}; 0 or less where none has. */
        int last(int steps) {
            double number = Double.parseDouble(when);
            return Math.min(steps, (int) (when.contains(".") ? number * steps : number));
        }
    }

    /** One after the other from step to step. */
    record Alternate(List<Sequence> options) implements ScheduleNode {}

    /** The nodes directly below. */
    default List<ScheduleNode> children() {
        if (this instanceof Sequence sequence) {
            return sequence.nodes();
        } else if (this instanceof Scheduled scheduled) {
            return List.of(scheduled.before(), scheduled.after());
        } else if (this instanceof Alternate alternate) {
            return List.copyOf(alternate.options());
        }
        return List.of();
    }
}
