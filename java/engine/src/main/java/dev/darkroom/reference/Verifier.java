package dev.darkroom.reference;

import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Device;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;

/** Runs our code on a reference set and compares. */
public final class Verifier {
    private static final List<Group> GROUPS = List.of(
            new TokenizerGroup(),
            new RngGroup(),
            new FormatsGroup(),
            new SchedulersGroup(),
            new TextGroup(),
            new UNetGroup(),
            new VaeGroup(),
            new ClipGroup(),
            new PipelinesGroup());

    private final ReferenceSet set;

    /**
     * Verifies against the set at {@code root}.
     *
     * @throws IllegalArgumentException when it is not a reference set
     */
    public Verifier(Path root) {
        this.set = new ReferenceSet(root);
    }

    /** The groups that can be verified, in their order. */
    public static List<String> groupNames() {
        return GROUPS.stream().map(Group::name).toList();
    }

    /**
     * Runs the groups.
     *
     * @param groups  names of groups; empty for all
     * @param dtype   the type networks compute in
     * @param results called with each outcome as it is known
     * @throws IllegalArgumentException when a group is unknown
     */
    public void run(List<String> groups, Device device, DType dtype, Consumer<CaseResult> results) {
        for (String wanted : groups) {
            if (!groupNames().contains(wanted)) {
                throw new IllegalArgumentException(
                        "unknown group \"" + wanted + "\"; known are " + String.join(", ", groupNames()));
            }
        }
        Check check = new Check(set, device, dtype, results);
        for (Group group : GROUPS) {
            if (!groups.isEmpty() && !groups.contains(group.name())) {
                continue;
            }
            if (set.has(group.name())) {
                group.run(check);
                set.missing(group.name())
                        .forEach(file -> results.accept(
                                CaseResult.skipped(group.name(), file, "is not in this copy of the set")));
            } else {
                results.accept(CaseResult.skipped(group.name(), "", "the set has no " + group.name() + "/index.json"));
            }
        }
    }
}
