package dev.darkroom.bench.records;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A record of bench/records as far as it speaks of goals: what was measured, when, of which commit and where, and a value for each row of bench/goals.json
 * that it has something to say of.
 *
 * <pre>{@code
 * {
 *   "what": "a step of the U-Net", "when": "2026-11-25T17:00:00Z", "commit": "8996a64",
 *   "machine": {...}, "device": "cuda:0", "gpu": {"model": "NVIDIA H200", ...},
 *   "trial": "short shapes",                                   only where the values are no records: then none is shown
 *   "goals": [
 *     {"row": 14, "what": "SD1.5 U-Net, batch 2", "value": 2.9, "unit": "ms", "n": 20,
 *      "peer": {"name": "torch 2.11 compiled, graphs, channels_last", "value": 6.1}}
 *   ], ...
 * }
 * }</pre>
 *
 * <p>The peer is of the same run and in the same unit. Whatever else a program measured stands beside, in a form of its own.
 *
 * @param file   its name in the folder of records
 * @param device that was measured: the GPU's model, or {@code device} where there is none
 * @param trial  why its values are no records; empty where they are
 */
public record BenchRecord(
        String file, String what, String when, String commit, String device, String trial, List<Value> values) {
    private static final ObjectMapper MAPPER = new ObjectMapper();

    /** What was measured beside, in the same run and unit. */
    public record Peer(String name, double value) {}

    /**
     * A measured value.
     *
     * @param row  of bench/goals.json
     * @param what of that row was measured, as a row may have several parts: "batch 1"
     * @param n    number of timings whose median the value is; 1 where it is a count
     */
    public record Value(
            int row,
            String what,
            double value,
            Unit unit,
            int n,
            @Nullable Peer peer) {
        public Value {
            if (!Double.isFinite(value) || value < 0 || n < 1) {
                throw new IllegalArgumentException("row " + row + ", " + what + ": " + value + " " + unit + " of " + n
                        + " timings is no measurement");
            }
        }
    }

    /** Adds a value to a record that is being written. */
    public static void add(ObjectNode record, Value value) {
        ObjectNode node = record.withArray("goals").addObject();
        node.put("row", value.row).put("what", value.what).put("value", value.value);
        node.put("unit", value.unit.toString()).put("n", value.n);
        if (value.peer != null) {
            node.putObject("peer").put("name", value.peer.name).put("value", value.peer.value);
        }
    }

    /**
     * Reads a record; one without goals has no values.
     *
     * @throws IllegalArgumentException when a value is none; names the file
     */
    public static BenchRecord read(Path file) throws IOException {
        JsonNode root = MAPPER.readTree(file.toFile());
        String name = String.valueOf(file.getFileName());
        List<Value> values = new ArrayList<>();
        for (JsonNode goal : root.path("goals")) {
            try {
                values.add(value(goal));
            } catch (IllegalArgumentException e) {
                throw new IllegalArgumentException(file + ": goal " + (values.size() + 1) + ": " + e.getMessage(), e);
            }
        }
        String model = root.path("gpu").path("model").asText();
        return new BenchRecord(
                name,
                root.path("what").asText(),
                root.path("when").asText(),
                root.path("commit").asText(),
                model.isEmpty() ? root.path("device").asText() : model,
                root.path("trial").asText(),
                List.copyOf(values));
    }

    private static Value value(JsonNode goal) {
        JsonNode peer = goal.path("peer");
        return new Value(
                (int) number(goal, "row"),
                goal.path("what").asText(),
                number(goal, "value"),
                Unit.parse(goal.path("unit").asText()),
                (int) number(goal, "n"),
                peer.isMissingNode() ? null : new Peer(peer.path("name").asText(), number(peer, "value")));
    }

    private static double number(JsonNode node, String field) {
        if (!node.path(field).isNumber()) {
            throw new IllegalArgumentException(
                    field + " is \"" + node.path(field).asText() + "\", which is no number");
        }
        return node.path(field).asDouble();
    }
}
