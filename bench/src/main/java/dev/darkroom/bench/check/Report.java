package dev.darkroom.bench.check;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * report.md and gpu-check.json, written anew, whole, whenever something has changed: whatever ends the run, what was done by then can be read.
 */
final class Report {
    /**
     * A stage that has ended.
     *
     * @param limit    seconds that it had
     * @param commands what it ran, to be run again
     */
    record Entry(
            Stage stage, Outcome outcome, double seconds, double limit, List<String> commands, ObjectNode found) {}

    private final Path folder;
    private final Map<String, String> head = new LinkedHashMap<>();
    private final List<Entry> entries = new ArrayList<>();
    private final List<Stage> stages;
    private String verdict = "This run has not finished.";
    private int code = -1;
    private @Nullable Stage running;

    /** @param stages that are to be run, in their order */
    Report(Path folder, List<Stage> stages) {
        this.folder = folder;
        this.stages = List.copyOf(stages);
    }

    /** A fact that stands at the top. */
    synchronized void fact(String name, String value) {
        head.put(name, value);
    }

    /** A stage begins. */
    synchronized void begin(Stage stage) {
        running = stage;
        write();
    }

    /** A stage has ended. */
    synchronized void end(Entry entry) {
        if (code < 0) { // else it was interrupted meanwhile
            running = null;
            entries.add(entry);
            write();
        }
    }

    /** The run has ended. */
    synchronized void finish(String sentence, int exitCode) {
        verdict = sentence;
        code = exitCode;
        write();
    }

    synchronized String verdict() {
        return verdict;
    }

    synchronized List<Entry> entries() {
        return List.copyOf(entries);
    }

    private void write() {
        try {
            writeWhole(folder.resolve("gpu-check.json"), json());
            writeWhole(folder.resolve("report.md"), String.join("\n", markdown()) + "\n");
        } catch (IOException e) {
            throw new UncheckedIOException("the report cannot be written to " + folder, e);
        }
    }

    /** Writes a file that appears whole or stays as it was. */
    static Path writeWhole(Path file, String text) throws IOException {
        Path temporary = file.resolveSibling(file.getFileName() + ".tmp");
        Files.writeString(temporary, text);
        return Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    private String json() throws IOException {
        ObjectMapper mapper = new ObjectMapper();
        ObjectNode report = mapper.createObjectNode();
        head.forEach(report::put);
        report.put("verdict", verdict);
        report.put("finished", code >= 0);
        report.put("exit_code", code >= 0 ? code : null);
        report.put("running", running == null ? null : running.name());
        ArrayNode array = report.putArray("stages");
        for (Entry entry : entries) {
            ObjectNode node = array.addObject()
                    .put("stage", entry.stage().name())
                    .put("status", word(entry.outcome().status()))
                    .put("summary", entry.outcome().summary())
                    .put("seconds", Math.round(1000 * entry.seconds()) / 1000.0)
                    .put("limit_seconds", Math.round(entry.limit()));
            ArrayNode commands = node.putArray("commands");
            entry.commands().forEach(commands::add);
            node.set("found", entry.found());
        }
        return mapper.writerWithDefaultPrettyPrinter().writeValueAsString(report) + "\n";
    }

    private List<String> markdown() {
        List<String> lines = new ArrayList<>(List.of("# gpu-check", "", verdict, ""));
        head.forEach((name, value) -> lines.add("- " + name + ": " + value));
        lines.addAll(List.of("", "## Stages", "", "| stage | result | seconds | of | |", "|---|---|---|---|---|"));
        entries.forEach(entry -> lines.add(row(entry)));
        if (running != null) {
            lines.add("| " + running.name() + " | **running** | | | " + running.what() + " |");
        }
        stages.stream()
                .skip(entries.size() + (running == null ? 0 : 1))
                .forEach(stage -> lines.add("| " + stage.name() + " | not begun | | | " + stage.what() + " |"));
        entries.stream().filter(entry -> entry.outcome().isFailure()).findFirst().ifPresent(first -> {
            lines.addAll(List.of("", "## What failed first", ""));
            lines.add("`" + first.stage().name() + "`: " + first.outcome().summary());
            lines.addAll(List.of("", "Again by itself:", "", "```sh"));
            lines.add(first.commands().isEmpty()
                    ? "# nothing was started"
                    : first.commands().get(first.commands().size() - 1));
            lines.add("```");
        });
        for (Entry entry : entries) {
            if (!entry.outcome().lines().isEmpty()) {
                lines.addAll(List.of("", "## " + entry.stage().name(), "", entry.stage().what() + ".", ""));
                lines.addAll(entry.outcome().lines());
            }
        }
        lines.addAll(List.of("", "## How to run each stage again", "", "```sh"));
        for (Entry entry : entries) {
            if (!entry.commands().isEmpty()) {
                lines.add("# " + entry.stage().name());
                lines.addAll(entry.commands());
            }
        }
        lines.add("```");
        return lines;
    }

    private static String row(Entry entry) {
        return String.format(
                Locale.ROOT,
                "| %s | %s | %.1f | %.0f | %s |",
                entry.stage().name(),
                entry.outcome().isFailure() ? "**" + word(entry.outcome().status()) + "**" : word(entry.outcome().status()),
                entry.seconds(),
                entry.limit(),
                entry.outcome().summary().replace("|", "\\|").replace("\n", " "));
    }

    /** The line of a stage for the terminal. */
    static String line(Entry entry) {
        return String.format(
                Locale.ROOT,
                "%-8s %-14s %6.1f s  %s",
                word(entry.outcome().status()),
                entry.stage().name(),
                entry.seconds(),
                entry.outcome().summary());
    }

    private static String word(Outcome.Status status) {
        return status.name().toLowerCase(Locale.ROOT);
    }
}
