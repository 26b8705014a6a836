package dev.darkroom.bench.records;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.darkroom.bench.records.BenchRecord.Peer;
import dev.darkroom.bench.records.BenchRecord.Value;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@DisplayName("The page of goals and records")
class RecordsPageTest {
    private static final Path BENCH = Path.of(System.getProperty("darkroom.root"), "bench");
    private static final int GOALS = 34;

    @TempDir
    private Path folder = Path.of("");

    @BeforeEach
    void copyGoals() throws IOException {
        Files.createDirectories(folder.resolve("records"));
        Files.copy(BENCH.resolve("goals.json"), folder.resolve("goals.json"));
    }

    private void record(String file, String when, String trial, Value... values) throws IOException {
        ObjectNode record = new ObjectMapper().createObjectNode();
        record.put("what", "a test").put("when", when).put("commit", "0123456789abcdef");
        record.putObject("gpu").put("model", "a GPU");
        if (!trial.isEmpty()) {
            record.put("trial", trial);
        }
        for (Value value : values) {
            BenchRecord.add(record, value);
        }
        Files.writeString(folder.resolve("records").resolve(file), record.toString());
    }

    private String row(int number) throws IOException {
        List<String> lines = RecordsPage.text(folder)
                .lines()
                .filter(line -> line.startsWith("| " + number + " |"))
                .toList();
        assertEquals(1, lines.size(), lines.toString());
        return lines.get(0);
    }

    @Test
    void isWhatTheRecordsGive() throws IOException {
        assertEquals(
                RecordsPage.text(BENCH),
                Files.readString(BENCH.resolve("RECORDS.md")),
                "records were added; write the page: dev.darkroom.bench.records.RecordsPage bench");
    }

    @Test
    void showsEveryGoalMeasuredOrNot() throws IOException {
        for (int goal = 1; goal <= GOALS; goal++) {
            assertTrue(row(goal).contains("| not yet measured |"), row(goal));
        }
        assertTrue(row(14).contains("| ≤ 3.2 ms (64 %) | ≤ 2.7 ms (75 %) |"), row(14));
    }

    @Test
    void setsTheNewestRecordBesideItsPeer() throws IOException {
        record("b.json", "2026-11-01T00:00:00Z", "", step(2.5, 5));
        record("a.json", "2026-12-01T00:00:00Z", "", step(3.125, 6.25));
        String row = row(14);
        assertTrue(row.startsWith("| 14 | U-Net step b2 (graph replay): batch 2 |"), row);
        assertTrue(row.contains("| 3.125 ms, n = 20 | 6.25 ms, torch | 2.00 |"), row);
        assertTrue(row.endsWith("| [a.json](records/a.json), a GPU, 0123456789 |"), row);
    }

    @Test
    void hasALineForEachPartOfAGoal() throws IOException {
        record("a.json", "", "", step(3, 6), new Value(14, "batch 2, SDXL", 20, Unit.MILLISECONDS, 1, null));
        List<String> lines = RecordsPage.text(folder)
                .lines()
                .filter(line -> line.startsWith("| 14 |"))
                .toList();
        assertEquals(2, lines.size());
        assertTrue(lines.get(1).contains("| 20 ms | | |"), lines.get(1));
    }

    @Test
    void leavesTrialsOut() throws IOException {
        record("a.json", "", "short shapes", step(3, 6));
        assertTrue(row(14).contains("not yet measured"));
        assertFalse(RecordsPage.text(folder).contains("a.json"));
    }

    @Test
    void countsRatiosByWhatIsBetter() {
        assertEquals(2, Unit.MILLISECONDS.ratio(3, 6));
        assertEquals(2, Unit.parse("TFLOP/s").ratio(6, 3));
        assertThrows(IllegalArgumentException.class, () -> Unit.parse("parsecs"));
    }

    @Test
    void refusesAValueForAGoalThatThereIsNot() throws IOException {
        record("a.json", "", "", new Value(35, "more", 1, Unit.SECONDS, 1, null));
        IllegalArgumentException thrown = assertThrows(IllegalArgumentException.class, () -> RecordsPage.text(folder));
        assertEquals("a.json has a value for goal 35, which goals.json does not have", thrown.getMessage());
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(
            delimiter = '|',
            value = {
                "{\"row\": 1, \"value\": \"fast\", \"unit\": \"ms\", \"n\": 1} | value is \"fast\", which is no number",
                "{\"value\": 2, \"unit\": \"ms\", \"n\": 1} | row is \"\", which is no number",
                "{\"row\": 1, \"value\": 2, \"unit\": \"parsecs\", \"n\": 1} | there is no unit \"parsecs\"",
                "{\"row\": 1, \"value\": -2, \"unit\": \"ms\", \"n\": 1} | -2.0 ms of 1 timings is no measurement",
                "{\"row\": 1, \"value\": 2, \"unit\": \"ms\", \"n\": 0} | 2.0 ms of 0 timings is no measurement"
            })
    void saysWhichValueOfWhichFileIsNone(String goal, String expected) throws IOException {
        Path file = folder.resolve("records/a.json");
        Files.writeString(file, "{\"goals\": [" + goal + "]}");
        IllegalArgumentException thrown = assertThrows(IllegalArgumentException.class, () -> RecordsPage.text(folder));
        String message = String.valueOf(thrown.getMessage());
        assertTrue(message.startsWith(file + ": goal 1: "), message);
        assertTrue(message.contains(expected), message);
    }

    private static Value step(double milliseconds, double torch) {
        return new Value(14, "batch 2", milliseconds, Unit.MILLISECONDS, 20, new Peer("torch", torch));
    }
}
