package dev.darkroom.spelling;

import java.util.Collection;
import java.util.Comparator;
import java.util.List;

/** The names that are spelled most alike. */
public final class NearNames {
    private NearNames() {}

    /** At most {@code count} of {@code names}, those nearest to {@code name} first; equally near ones in their natural order. */
    public static List<String> of(String name, Collection<String> names, int count) {
        return names.stream()
                .sorted(Comparator.comparingInt((String other) -> distance(name, other))
                        .thenComparing(Comparator.naturalOrder()))
                .limit(count)
                .toList();
    }

    /** The Levenshtein distance: the least number of characters to insert, delete or replace. */
    static int distance(String a, String b) {
        int[] row = new int[b.length() + 1];
        for (int j = 0; j <= b.length(); j++) {
            row[j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.length(); j++) {
                int replaced = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.min(replaced, Math.min(row[j], row[j - 1]) + 1);
            }
        }
        return row[b.length()];
    }
}
