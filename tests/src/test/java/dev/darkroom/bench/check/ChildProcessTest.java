package dev.darkroom.bench.check;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@DisplayName("A program that gpu-check runs")
class ChildProcessTest {
    @TempDir
    private Path folder = Path.of("");

    private ChildProcess.Ended run(String script, double limit) throws IOException, InterruptedException {
        return ChildProcess.run(
                List.of("sh", "-c", script),
                folder,
                Map.of("GREETING", "hello"),
                folder.resolve("out"),
                folder.resolve("log"),
                limit);
    }

    private Conversation converse(String script) throws IOException {
        return new Conversation(
                ChildProcess.builder(List.of("sh", "-c", script), folder, Map.of(), folder.resolve("log")),
                folder.resolve("questions"),
                folder.resolve("log"));
    }

    @Test
    void isHeardAndItsEndIsTold() throws Exception {
        ChildProcess.Ended ended = run("echo $GREETING; echo trouble >&2; exit 7", 10);
        assertEquals("hello\n", ended.output());
        assertEquals("hello\ntrouble\n", ended.everything());
        assertEquals("ended with exit code 7", ended.describe());
        assertFalse(ended.isGood());
        assertEquals("was ended by signal 11", run("kill -SEGV $$", 10).describe());
    }

    @Test
    void isKilledAtItsLimitWithAllThatItHasStarted() throws Exception {
        long begun = System.nanoTime();
        ChildProcess.Ended ended = run("sleep 60 & echo $!; sh -c 'sleep 60; true' & echo $!; wait", 1);
        assertTrue(System.nanoTime() - begun < 20_000_000_000L);
        assertTrue(ended.timedOut());
        assertTrue(ended.describe().startsWith("did not end within 1 s"), ended.describe());
        List<Long> children = ended.output().lines().map(Long::parseLong).toList();
        assertEquals(2, children.size());
        for (long child : children) {
            assertFalse(isRunning(child), "child " + child + " is left");
        }
    }

    /** A killed process that nobody has waited for yet does not run any more. */
    private static boolean isRunning(long pid) throws IOException {
        Path status = Path.of("/proc/" + pid + "/stat");
        return Files.exists(status) && !Files.readString(status).contains(") Z ");
    }

    @Test
    void answersOneQuestionAfterTheOther() throws Exception {
        ObjectMapper mapper = new ObjectMapper();
        try (Conversation conversation = converse("echo noise; while read -r line; do echo \"{\\\"heard\\\": $line}\"; done")) {
            for (int i = 0; i < 3; i++) {
                ObjectNode answer = conversation.ask(mapper.createObjectNode().put("n", i), 10);
                assertEquals(i, answer.path("heard").path("n").asInt(-1));
            }
        }
        assertEquals(3, Files.readAllLines(folder.resolve("questions")).size());
    }

    @Test
    void isToldOfWhenItDiesOrHangs() throws Exception {
        ObjectNode question = new ObjectMapper().createObjectNode().put("op", "open");
        try (Conversation conversation = converse("read -r line; exit 9")) {
            String message = assertThrows(Conversation.NoAnswerException.class, () -> conversation.ask(question, 10))
                    .getMessage();
            assertTrue(message.startsWith("it died at {\"op\":\"open\"} with exit code 9"), message);
        }
        try (Conversation conversation = converse("sleep 60")) {
            String message = assertThrows(Conversation.NoAnswerException.class, () -> conversation.ask(question, 0.3))
                    .getMessage();
            assertTrue(message.contains("no answer"), message);
        }
    }
}
