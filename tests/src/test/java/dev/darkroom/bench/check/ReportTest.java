package dev.darkroom.bench.check;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@DisplayName("gpu-check's report")
class ReportTest {
    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final int NINE_MINUTES = 540;

    @TempDir
    private Path folder = Path.of("");

    private static Stage stage(String name) {
        return new Stage(name, "What " + name + " does", true, 10, run -> Outcome.skipped(""));
    }

    private static Report.Entry entry(Stage stage, Outcome outcome) {
        return new Report.Entry(stage, outcome, 1.5, 10, List.of("first " + stage.name(), "run " + stage.name()), MAPPER.createObjectNode().put("n", 3));
    }

    private String markdown() throws IOException {
        return Files.readString(folder.resolve("report.md"));
    }

    private JsonNode json() throws IOException {
        return MAPPER.readTree(folder.resolve("gpu-check.json").toFile());
    }

    @Test
    void saysAtEachMomentWhatIsDoneWhatRunsAndWhatWasNotBegun() throws IOException {
        List<Stage> stages = List.of(stage("one"), stage("two"), stage("three"));
        Report report = new Report(folder, stages);
        report.fact("when", "today");
        report.begin(stages.get(0));
        report.end(entry(stages.get(0), Outcome.passed("good", List.of("a table"))));
        report.begin(stages.get(1));
        assertTrue(markdown().contains("This run has not finished."), markdown());
        assertTrue(markdown().contains("| one | passed | 1.5 | 10 | good |"), markdown());
        assertTrue(markdown().contains("| two | **running** |"), markdown());
        assertTrue(markdown().contains("| three | not begun |"), markdown());
        assertTrue(markdown().contains("a table"), markdown());
        assertEquals("two", json().path("running").asText());
        assertFalse(json().path("finished").asBoolean());
        assertEquals("today", json().path("when").asText());
        assertEquals(3, json().at("/stages/0/found/n").asInt());
    }

    @Test
    void namesWhatFailedFirstAndHowToRunItAgain() throws IOException {
        List<Stage> stages = List.of(stage("one"), stage("two"), stage("three"));
        Report report = new Report(folder, stages);
        report.end(entry(stages.get(0), Outcome.skipped("no a|b here")));
        report.end(entry(stages.get(1), Outcome.lost("the GPU fell off", List.of("last words"))));
        report.end(entry(stages.get(2), Outcome.failed("later", List.of())));
        report.finish("Lost.", 3);
        String failed = markdown().substring(markdown().indexOf("## What failed first"), markdown().indexOf("## two"));
        assertTrue(failed.contains("`two`: the GPU fell off"), failed);
        assertTrue(failed.contains("run two\n"), failed);
        assertTrue(markdown().contains("no a\\|b here"), markdown());
        assertEquals(3, json().path("exit_code").asInt());
        assertTrue(json().path("finished").asBoolean());
        report.end(entry(stages.get(0), Outcome.failed("after the end", List.of())));
        assertFalse(markdown().contains("after the end"), "what comes after the end does not count");
    }

    @Test
    void leavesTheOldFileWhereTheNewOneCannotBeWritten() throws IOException {
        Path file = Report.writeWhole(folder.resolve("file"), "old");
        Files.createDirectory(folder.resolve("file.tmp")); // where the new one would be written first
        assertThrows(IOException.class, () -> Report.writeWhole(file, "new"));
        assertEquals("old", Files.readString(file));
    }

    @Test
    void isOfStagesThatTakeLessThanNineMinutes() {
        int seconds = Stages.ALL.stream().mapToInt(Stage::seconds).sum();
        assertEquals(new Options().limit, seconds);
        assertTrue(seconds + 5 < NINE_MINUTES, seconds + " s");
    }

    @Test
    void isOfTheStagesThatWereAskedForAndTheDoctor() {
        assertEquals(
                List.of("doctor", "verify", "sd15"),
                Stages.chosen(List.of("sd15", "verify"), List.of()).stream()
                        .map(Stage::name)
                        .toList());
        assertEquals(Stages.ALL.size() - 1, Stages.chosen(List.of(), List.of("sdxl")).size());
        String message = assertThrows(IllegalArgumentException.class, () -> Stages.chosen(List.of("vrify"), List.of()))
                .getMessage();
        assertTrue(message.startsWith("there is no stage vrify; there are doctor, before, verify"), message);
        assertThrows(IllegalArgumentException.class, () -> Stages.chosen(List.of(), List.of("doctor")));
    }

    @Test
    void countsTheMedianOfTheRoundsMedians() {
        Timing timing = new Timing();
        for (double[] round : new double[][] {{3, 1, 2}, {10, 4}, {5}}) {
            timing.add(MAPPER.valueToTree(round));
        }
        assertEquals(5, timing.median());
        assertEquals(1, timing.spread());
        assertEquals(6, timing.toJson().path("n").asInt());
        assertEquals(10, timing.toJson().path("p95_seconds").asDouble());
    }
}
