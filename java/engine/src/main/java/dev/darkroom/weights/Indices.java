package dev.darkroom.weights;

import java.util.Collection;

/** Counts numbered modules among tensor names. */
final class Indices {
    private Indices() {}

    /** How many of 0, 1, 2, … stand at {@code %d} in the beginning {@code prefix} of some name, without a gap. */
    static int count(Collection<String> names, String prefix) {
        int count = 0;
        while (anyStartsWith(names, prefix.replace("%d", Integer.toString(count)))) {
            count++;
        }
        return count;
    }

    /** Whether any name begins with {@code prefix}. */
    static boolean anyStartsWith(Collection<String> names, String prefix) {
        return names.stream().anyMatch(name -> name.startsWith(prefix));
    }
}
