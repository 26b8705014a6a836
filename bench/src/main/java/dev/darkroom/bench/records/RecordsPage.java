package dev.darkroom.bench.records;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.darkroom.bench.records.BenchRecord.Value;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Writes bench/RECORDS.md: every goal of bench/goals.json beside what bench/records has measured of it. */
public final class RecordsPage {
    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final String HEAD = """
            # Records

            Every goal with its floor and what was measured of it. Written from `goals.json` and `records/*.json` by

                java -cp ... dev.darkroom.bench.records.RecordsPage bench

            (bench/README.md); a test holds that this page is what they give. Of several records of one thing the newest is shown, records of trials never. A ratio says
            how many times as good as the peer of the same run; what counts is the ratio, as absolute times hold for one machine.
            """;

    private RecordsPage() {}

    /** @param arguments the folder bench */
    public static void main(String[] arguments) throws IOException {
        if (arguments.length != 1) {
            System.err.println(
                    "usage: RecordsPage BENCH: writes BENCH/RECORDS.md from BENCH/goals.json and BENCH/records/*.json");
            System.exit(2);
        }
        Path folder = Path.of(arguments[0]);
        Files.writeString(folder.resolve("RECORDS.md"), text(folder));
    }

    /** A value and the record that it is from. */
    private record Measured(Value value, BenchRecord record) {}

    /**
     * The page.
     *
     * @param folder bench
     * @throws IllegalArgumentException when a record speaks of a goal that there is not, or a file is no record; names it
     */
    public static String text(Path folder) throws IOException {
        List<BenchRecord> records = read(folder.resolve("records"));
        Map<Integer, JsonNode> goals = new TreeMap<>();
        for (JsonNode goal :
                MAPPER.readTree(folder.resolve("goals.json").toFile()).path("goals")) {
            goals.put(goal.path("row").asInt(), goal);
        }
        Map<Integer, Map<String, Measured>> newest = newest(records, goals);
        StringBuilder text = new StringBuilder(HEAD);
        for (String where : List.of("GPU", "CPU")) {
            text.append(
                    where.equals("GPU")
                            ? "\n## GPU (goals for one H200, bf16 or f16)\n"
                            : "\n## CPU (goals for 2 cores with AMX)\n");
            text.append(
                    "\n| # | what | floor | must | stretch | measured | peer | ratio | goal for the ratio | record |\n");
            text.append("|---|---|---|---|---|---|---|---|---|---|\n");
            goals.forEach((row, goal) -> {
                if (goal.path("where").asText().equals(where)) {
                    goal(text, goal, newest.getOrDefault(row, Map.of()));
                }
            });
        }
        return text.toString();
    }

    private static List<BenchRecord> read(Path folder) throws IOException {
        List<BenchRecord> records = new ArrayList<>();
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.filter(file -> file.toString().endsWith(".json"))
                    .sorted()
                    .toList()) {
                records.add(BenchRecord.read(file));
            }
        }
        return records;
    }

    /** By goal and by what of it was measured. */
    private static Map<Integer, Map<String, Measured>> newest(List<BenchRecord> records, Map<Integer, JsonNode> goals) {
        Map<Integer, Map<String, Measured>> newest = new TreeMap<>();
        for (BenchRecord record : records) {
            for (Value value : record.values()) {
                if (!goals.containsKey(value.row())) {
                    throw new IllegalArgumentException(record.file() + " has a value for goal " + value.row()
                            + ", which goals.json does not have");
                }
                if (record.trial().isEmpty()) {
                    newest.computeIfAbsent(value.row(), row -> new LinkedHashMap<>())
                            .merge(value.what(), new Measured(value, record), RecordsPage::newer);
                }
            }
        }
        return newest;
    }

    private static Measured newer(Measured a, Measured b) {
        return b.record.when().compareTo(a.record.when()) >= 0 ? b : a;
    }

    private static void goal(StringBuilder text, JsonNode goal, Map<String, Measured> measured) {
        if (measured.isEmpty()) {
            line(text, goal, goal.path("what").asText(), null);
        }
        measured.forEach((what, each) -> line(text, goal, goal.path("what").asText() + ": " + what, each));
    }

    private static void line(StringBuilder text, JsonNode goal, String what, @Nullable Measured measured) {
        Value value = measured == null ? null : measured.value;
        List<String> cells = List.of(
                goal.path("row").asText(),
                what,
                goal.path("floor").asText(),
                goal.path("must").asText(),
                goal.path("stretch").asText(),
                value == null
                        ? "not yet measured"
                        : number(value.value()) + " " + value.unit() + (value.n() > 1 ? ", n = " + value.n() : ""),
                value == null || value.peer() == null
                        ? ""
                        : number(value.peer().value()) + " " + value.unit() + ", "
                                + value.peer().name(),
                value == null || value.peer() == null
                        ? ""
                        : String.format(
                                Locale.ROOT,
                                "%.2f",
                                value.unit().ratio(value.value(), value.peer().value())),
                goal.path("peer").asText(),
                measured == null ? "" : source(measured.record));
        text.append('|');
        cells.forEach(cell -> text.append(' ').append(cell(cell)).append(cell.isEmpty() ? "|" : " |"));
        text.append('\n');
    }

    /** The record's file, what was measured and of which commit. */
    private static String source(BenchRecord record) {
        String commit =
                record.commit().substring(0, Math.min(10, record.commit().length()));
        return "[" + record.file() + "](records/" + record.file() + "), " + record.device()
                + (commit.isEmpty() ? "" : ", " + commit);
    }

    private static String cell(String text) {
        return text.replace("|", "\\|").replace("\n", " ");
    }

    private static String number(double value) {
        return new java.math.BigDecimal(value)
                .round(new java.math.MathContext(4))
                .stripTrailingZeros()
                .toPlainString();
    }
}
