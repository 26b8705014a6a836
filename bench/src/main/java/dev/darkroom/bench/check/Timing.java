package dev.darkroom.bench.check;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** Passes of one thing by one program, in rounds between which the other program had its turn. */
final class Timing {
    private final List<Double> all = new ArrayList<>();
    private final List<Double> medians = new ArrayList<>();

    /** Adds a round's seconds. */
    void add(JsonNode seconds) {
        List<Double> round = new ArrayList<>();
        seconds.forEach(each -> round.add(each.asDouble()));
        if (!round.isEmpty()) {
            all.addAll(round);
            medians.add(median(round));
        }
    }

    boolean isEmpty() {
        return all.isEmpty();
    }

    /** The median of the rounds' medians, in seconds. */
    double median() {
        return median(medians);
    }

    /** How far the rounds' medians lie apart, as a share of the median: what a ratio must exceed to say something. */
    double spread() {
        return (Collections.max(medians) - Collections.min(medians)) / median();
    }

    int count() {
        return all.size();
    }

    /** In the form of bench/records. */
    ObjectNode toJson() {
        List<Double> sorted = all.stream().sorted().toList();
        ObjectNode node = new ObjectMapper()
                .createObjectNode()
                .put("n", all.size())
                .put("median_seconds", median())
                .put("min_seconds", sorted.get(0))
                .put("p95_seconds", sorted.get((int) Math.ceil(0.95 * sorted.size()) - 1))
                .put("spread", spread());
        ArrayNode rounds = node.putArray("medians_of_runs");
        medians.forEach(rounds::add);
        return node;
    }

    private static double median(List<Double> values) {
        List<Double> sorted = values.stream().sorted().toList();
        int n = sorted.size();
        return (sorted.get((n - 1) / 2) + sorted.get(n / 2)) / 2;
    }
}
