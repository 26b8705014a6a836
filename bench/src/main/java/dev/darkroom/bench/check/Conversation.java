package dev.darkroom.bench.check;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Locale;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/**
 * A program that stays loaded and is asked one thing after the other, a JSON object a line: so two programs can be timed in turn without each being
 * started anew for each timing.
 */
final class Conversation implements AutoCloseable {
    /** A program that did not answer: it died, or took too long. It is gone then. */
    static final class NoAnswerException extends Exception {
        private static final long serialVersionUID = 1L;

        NoAnswerException(String message) {
            super(message);
        }
    }

    private static final String END = "";

    private final ObjectMapper mapper = new ObjectMapper();
    private final BlockingQueue<String> answers = new LinkedBlockingQueue<>();
    private final Process process;
    private final Writer questions;
    private final Path asked;
    private final Path log;

    /**
     * Starts the program.
     *
     * @param asked where the questions are written as well, so that the conversation can be had again
     * @param log   what the program complains of
     */
    Conversation(ProcessBuilder builder, Path asked, Path log) throws IOException {
        Files.write(asked, new byte[0]);
        process = ChildProcess.start(builder);
        questions = process.outputWriter(StandardCharsets.UTF_8);
        this.asked = asked;
        this.log = log;
        Thread reader = new Thread(this::read, "answers");
        reader.setDaemon(true);
        reader.start();
    }

    private void read() {
        try (BufferedReader lines = process.inputReader(StandardCharsets.UTF_8)) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                if (line.startsWith("{")) { // libraries may print as well
                    answers.add(line);
                }
            }
        } catch (IOException e) {
            answers.add(END); // killed while it was read
            return;
        }
        answers.add(END);
    }

    /**
     * Asks and waits for the answer.
     *
     * @throws NoAnswerException when there is none within the limit, or the program has ended
     */
    ObjectNode ask(ObjectNode question, double limitSeconds) throws NoAnswerException, InterruptedException {
        try {
            Files.writeString(asked, question + "\n", StandardOpenOption.APPEND);
        } catch (IOException e) {
            throw new UncheckedIOException(asked + " cannot be written", e);
        }
        String answer;
        try {
            questions.write(question + "\n");
            questions.flush();
            answer = answers.poll((long) (1e9 * Math.max(limitSeconds, 0)), TimeUnit.NANOSECONDS);
        } catch (IOException gone) {
            answer = END;
        }
        if (answer == null) {
            close();
            throw new NoAnswerException(
                    String.format(Locale.ROOT, "no answer to %s within %.0f s; it was killed", question, limitSeconds));
        }
        if (answer.equals(END)) {
            throw new NoAnswerException("it died at " + question + " with exit code " + endCode() + "; see " + log);
        }
        try {
            return (ObjectNode) mapper.readTree(answer);
        } catch (JsonProcessingException e) {
            close();
            throw new NoAnswerException("it answered \"" + answer + "\", which is no JSON, to " + question);
        }
    }

    private int endCode() throws InterruptedException {
        if (!process.waitFor(10, TimeUnit.SECONDS)) { // its output ended before itself
            ChildProcess.kill(process);
        }
        return process.waitFor();
    }

    @Override
    public void close() {
        ChildProcess.kill(process);
    }
}
