package dev.darkroom.bench.check;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;

/** What a record of kernels by themselves says to a reader: the ceilings, the goals, and where the most time is lost. */
final class KernelSummary {
    private static final int SHOWN = 15;

    private final JsonNode record;
    private final List<JsonNode> timed = new ArrayList<>();
    private int failed;
    private int skipped;

    /** @param record of KernelBench, or of torch_kernels.py, whose rows have no floor */
    KernelSummary(JsonNode record) {
        this.record = record;
        for (JsonNode row : record.path("rows")) {
            if (row.has("failed")) {
                failed++;
            } else if (row.has("skipped")) {
                skipped++;
            } else {
                timed.add(row);
            }
        }
    }

    /** In a line. */
    String line() {
        String ended = record.path("ended").asText("whole");
        return timed.size() + " operations timed, " + failed + " failed, " + skipped + " skipped"
                + (ended.equals("whole") ? "" : "; ended " + ended)
                + (record.has("ceilings") ? "; ceilings " + ceilings() : "");
    }

    private String ceilings() {
        return String.format(
                Locale.ROOT,
                "%.1f TFLOP/s and %.0f GB/s",
                record.at("/ceilings/product/tflops").asDouble(),
                record.at("/ceilings/copy/gbs").asDouble());
    }

    /** Tables for the report; what is not there is left out. */
    List<String> tables() {
        List<String> lines = new ArrayList<>();
        if (!record.path("goals").isEmpty()) {
            lines.addAll(List.of("", "| goal | what | measured | peer | |", "|---|---|---|---|---|"));
            record.path("goals").forEach(goal -> lines.add(goal(goal)));
        }
        List<JsonNode> slow = timed.stream()
                .filter(row -> row.has("floor_us"))
                .sorted(Comparator.comparingDouble(KernelSummary::lost).reversed())
                .limit(SHOWN)
                .toList();
        if (!slow.isEmpty()) {
            lines.addAll(List.of("", "Where a call loses the most against the ceilings:", ""));
            lines.addAll(List.of("| operation | µs | floor | share | against a library |", "|---|---|---|---|---|"));
            slow.forEach(row -> lines.add(slow(row)));
        }
        for (JsonNode row : record.path("rows")) {
            if (row.has("failed")) {
                lines.add("- failed: " + row.path("id").asText() + ": "
                        + row.path("failed").asText());
            }
        }
        return lines;
    }

    private static double lost(JsonNode row) {
        return row.path("median_us").asDouble() - row.path("floor_us").asDouble();
    }

    private static String goal(JsonNode goal) {
        String unit = " " + goal.path("unit").asText();
        return "| " + goal.path("row").asInt() + " | " + goal.path("what").asText() + " | "
                + goal.path("value").asText() + unit + " | "
                + (goal.has("peer")
                        ? goal.at("/peer/value").asText() + unit + " | "
                                + goal.at("/peer/name").asText() + " |"
                        : "| |");
    }

    private static String slow(JsonNode row) {
        return String.format(
                Locale.ROOT,
                "| %s | %.1f | %.1f | %.0f %% | %s |",
                row.path("id").asText().replace("|", "\\|"),
                row.path("median_us").asDouble(),
                row.path("floor_us").asDouble(),
                row.path("share_percent").asDouble(),
                row.has("library")
                        ? row.at("/library/ratio").asText() + " x "
                                + row.at("/library/by").asText()
                        : "");
    }
}
