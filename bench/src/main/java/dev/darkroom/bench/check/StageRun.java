package dev.darkroom.bench.check;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** One run of a stage: the time it has, the programs it starts, what it found. */
final class StageRun {
    /** As {@link dev.darkroom.tensor.DeviceLostException} begins. */
    private static final Pattern LOSS = Pattern.compile("device cuda:\\d+ is lost: .*");

    private final Session session;
    private final String name;
    private final long deadline; // of System.nanoTime
    private final List<String> commands = new ArrayList<>();
    private final ObjectNode found = new ObjectMapper().createObjectNode();

    StageRun(Session session, String name, long deadline) {
        this.session = session;
        this.name = name;
        this.deadline = deadline;
    }

    Session session() {
        return session;
    }

    Installation installation() {
        return session.installation();
    }

    Gpu gpu() {
        return session.gpu();
    }

    boolean isShort() {
        return session.isShort();
    }

    /** Seconds that the stage still has. */
    double left() {
        return (deadline - System.nanoTime()) / 1e9;
    }

    /** The commands so far, as a shell takes them. */
    List<String> commands() {
        return List.copyOf(commands);
    }

    /** What goes into gpu-check.json besides the outcome. */
    ObjectNode found() {
        return found;
    }

    /** A file for what {@code label} writes. */
    Path file(String label, String ending) {
        return session.out().resolve("logs").resolve(name + (label.isEmpty() ? "" : "-" + label) + ending);
    }

    /** Runs a program of ours or of the machine, at most for the time that the stage has left. */
    ChildProcess.Ended run(String label, List<String> command) throws IOException, InterruptedException {
        return run(label, command, left());
    }

    /** Runs a program for at most {@code limit} seconds, or what the stage has left. */
    ChildProcess.Ended run(String label, List<String> command, double limit) throws IOException, InterruptedException {
        commands.add(Installation.quoted(command, session.environment()));
        return ChildProcess.run(
                command,
                session.out(),
                session.environment(),
                file(label, ".out"),
                file(label, ".log"),
                Math.max(1, Math.min(limit, left())));
    }

    /** Starts a program that is asked one thing after the other. */
    Conversation converse(String label, List<String> command) throws IOException {
        Path asked = file(label, ".questions");
        Path log = file(label, ".log");
        commands.add(Installation.quoted(command, session.environment()) + " < " + asked);
        return new Conversation(
                ChildProcess.builder(command, session.out(), session.environment(), log), asked, log);
    }

    /** The outcome of a program that did not end as it should: where it stopped, and its last words. */
    Outcome failure(String what, ChildProcess.Ended ended) throws IOException {
        String said = ended.everything();
        List<String> lines = new ArrayList<>(List.of("Last words of " + what + ":", "", "```"));
        lines.addAll(tail(said, 25));
        lines.add("```");
        String loss = loss(said);
        String summary = what + " " + ended.describe() + (loss.isEmpty() ? "" : ": " + loss);
        return loss.isEmpty() ? Outcome.failed(summary, lines) : Outcome.lost(summary, lines);
    }

    /** What a program says of having lost its device; empty where it says nothing. */
    static String loss(String said) {
        Matcher loss = LOSS.matcher(said);
        return loss.find() ? loss.group() : "";
    }

    private static List<String> tail(String text, int lines) {
        List<String> all = text.lines().toList();
        return all.subList(Math.max(0, all.size() - lines), all.size());
    }

    /** The reason to skip what needs a part of the installation that is not there; empty where it is. */
    String missing(Path part) {
        return Files.exists(part) ? "" : part + " is not there; this folder was made without it";
    }
}
