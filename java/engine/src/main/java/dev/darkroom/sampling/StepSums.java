package dev.darkroom.sampling;

import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * The assignments of a plan's steps as few rounds of weighted sums, each of which reads only what was there before it.
 *
 * <p>An assignment is put into those that follow as far as it is linear, so that a step is one round, and one more for each bound. All steps with the
 * same bounds have the same rounds: a sum that a step does not need has the coefficients of what it leaves as it was. Steps then differ in their numbers
 * alone, and one recording serves them all.
 */
public final class StepSums {
    /**
     * Sums of the same terms, all taken before any is assigned.
     *
     * @param terms the slots that are summed up
     * @param slots the slots that are assigned
     * @param bound what is done to the last of the sums; null for nothing
     */
    public record Round(List<Integer> terms, List<Integer> slots, SamplingPlan.@Nullable Bound bound) {}

    /** A round of one step: the forms to assign, of which the last is bounded. */
    private record Sums(SortedMap<Integer, LinearForm> forms, int boundedSlot, SamplingPlan.@Nullable Bound bound) {}

    /** What tells kinds of steps apart. */
    private record Limit(int slot, SamplingPlan.@Nullable Bound bound) {}

    private final SortedSet<Integer> state = new TreeSet<>(List.of(SamplingPlan.SAMPLE));
    private final List<List<Sums>> steps = new ArrayList<>();
    private final Map<List<Limit>, List<Round>> kinds = new LinkedHashMap<>();

    private StepSums(SamplingPlan plan) {
        plan.steps().forEach(step -> steps.add(sums(step)));
        steps.forEach(this::collectState);
        for (List<Sums> step : steps) {
            kinds.computeIfAbsent(limits(step), this::rounds);
        }
    }

    public static StepSums of(SamplingPlan plan) {
        return new StepSums(plan);
    }

    /** The slots that a step takes from the one before, the sample first. */
    public List<Integer> state() {
        return List.copyOf(state);
    }

    /** Number of steps. */
    public int steps() {
        return steps.size();
    }

    /** The rounds of step {@code index}; equal for steps that differ in their coefficients alone. */
    public List<Round> rounds(int index) {
        return Objects.requireNonNull(kinds.get(limits(steps.get(index))));
    }

    /** The coefficients of a round of step {@code index}, [slots, terms]. */
    public double[][] coefficients(int index, int round) {
        Sums sums = steps.get(index).get(round);
        List<Round> rounds = rounds(index);
        Round kind = rounds.get(round);
        return kind.slots().stream()
                .map(slot -> form(rounds.subList(0, round), sums, slot))
                .map(form ->
                        kind.terms().stream().mapToDouble(form::coefficient).toArray())
                .toArray(double[][]::new);
    }

    private static List<Sums> sums(SamplingPlan.Step step) {
        List<Sums> rounds = new ArrayList<>();
        TreeMap<Integer, LinearForm> pending = new TreeMap<>();
        for (SamplingPlan.Assignment assignment : step.assignments()) {
            if (SamplingPlan.isGiven(assignment.slot())) {
                throw new IllegalArgumentException("the outputs and the noise of a step are given, not assigned");
            }
            pending.put(assignment.slot(), assignment.form().with(pending));
            if (assignment.bound() != null) {
                rounds.add(new Sums(pending, assignment.slot(), assignment.bound()));
                pending = new TreeMap<>();
            }
        }
        rounds.add(new Sums(pending, SamplingPlan.SAMPLE, null));
        return rounds;
    }

    /** Adds what a step reads before it has assigned it. */
    private void collectState(List<Sums> step) {
        SortedSet<Integer> assigned =
                new TreeSet<>(List.of(SamplingPlan.OUTPUT, SamplingPlan.NOISE, SamplingPlan.UNGUIDED));
        for (Sums round : step) {
            state.addAll(without(read(round.forms().values()), assigned));
            assigned.addAll(round.forms().keySet());
        }
    }

    private static List<Limit> limits(List<Sums> step) {
        return step.stream()
                .map(round -> new Limit(round.boundedSlot(), round.bound()))
                .toList();
    }

    /** The rounds that all steps with these limits have in common. */
    private List<Round> rounds(List<Limit> limits) {
        List<List<Sums>> alike =
                steps.stream().filter(step -> limits(step).equals(limits)).toList();
        List<Round> rounds = new ArrayList<>();
        for (int r = 0; r < limits.size(); r++) {
            int index = r;
            List<Sums> sums = alike.stream().map(step -> step.get(index)).toList();
            rounds.add(round(rounds, limits.get(r), sums, r == limits.size() - 1));
        }
        return List.copyOf(rounds);
    }

    private Round round(List<Round> before, Limit limit, List<Sums> alike, boolean isLast) {
        SortedSet<Integer> slots = new TreeSet<>();
        alike.forEach(sums -> slots.addAll(sums.forms().keySet()));
        if (isLast) { // what the next step reads, all of it
            slots.clear();
            slots.addAll(state);
        }
        SortedSet<Integer> terms = new TreeSet<>();
        for (Sums sums : alike) {
            slots.forEach(slot -> terms.addAll(read(List.of(form(before, sums, slot)))));
        }
        List<Integer> ordered = new ArrayList<>(slots);
        if (limit.bound() != null) {
            ordered.remove((Integer) limit.slot());
            ordered.add(limit.slot());
        }
        return new Round(List.copyOf(terms), List.copyOf(ordered), limit.bound());
    }

    /** What a slot becomes: where the step does not assign it, what it was; nothing, where it was nothing yet. */
    private LinearForm form(List<Round> before, Sums sums, int slot) {
        boolean holds = state.contains(slot)
                || before.stream().anyMatch(round -> round.slots().contains(slot));
        LinearForm kept = LinearForm.of(slot).times(holds ? 1 : 0);
        return sums.forms().getOrDefault(slot, kept);
    }

    private static SortedSet<Integer> read(Collection<LinearForm> forms) {
        SortedSet<Integer> slots = new TreeSet<>();
        forms.forEach(form -> slots.addAll(form.coefficients().keySet()));
        return slots;
    }

    private static SortedSet<Integer> without(SortedSet<Integer> slots, SortedSet<Integer> others) {
        slots.removeAll(others);
        return slots;
    }
}
