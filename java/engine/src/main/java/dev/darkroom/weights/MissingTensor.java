package dev.darkroom.weights;

import dev.darkroom.tensor.Shape;
import java.util.Comparator;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Words the error for a tensor that is not there: its full name, its expected shape, and the nearest name that is. */
final class MissingTensor {
    private MissingTensor() {}

    static WeightsException in(WeightSource source, String name, @Nullable Shape expected) {
        StringBuilder message = new StringBuilder(source.describe())
                .append(" has no tensor \"")
                .append(name)
                .append('"');
        if (expected != null) {
            message.append(", expected with shape ").append(expected);
        }
        Optional<String> nearest = source.names().stream()
                .min(Comparator.comparingInt((String other) -> distance(name, other))
                        .thenComparing(Comparator.naturalOrder()));
        message.append(
                nearest.map(other -> "; the nearest name is \"" + other + "\"").orElse("; it has no tensors at all"));
        return new WeightsException(message.append(". Check that config.json belongs to these weights")
                .toString());
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
