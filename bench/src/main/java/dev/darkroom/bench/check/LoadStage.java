package dev.darkroom.bench.check;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** How long a model takes to load, beside the rate of pinned copies of the same run, and how long from the start of the program to the first picture. */
final class LoadStage {
    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final int OPENINGS = 4; // the first makes the context as well

    private LoadStage() {}

    static Outcome run(StageRun run) throws IOException, InterruptedException {
        Checkpoints.Checkpoint model = run.session().checkpoints().of(run, "sd15");
        if (model.absence() != null) {
            return model.absence();
        }
        ObjectNode record = run.session().records().begin("loading a model from the page cache, and the first picture");
        List<String> lines = new ArrayList<>();
        Outcome trouble = load(run, model.folder(), record, lines);
        if (trouble != null) {
            return trouble;
        }
        ChildProcess.Ended picture = run.run("picture", firstPicture(run, model.folder()));
        if (!picture.isGood()) {
            return run.failure("darkroom txt2img", picture);
        }
        record.put("first_picture_seconds", picture.seconds());
        Records.goal(record, 25, "512x512, 1 step", picture.seconds(), "s", 1, null);
        lines.add(String.format(
                Locale.ROOT, "- From the start of the program to a picture of 1 step: %.2f s", picture.seconds()));
        Path file = run.session().records().write("load", record);
        lines.add("- Record: " + run.session().out().relativize(file));
        run.found().set("record", record);
        return Outcome.passed(lines.get(0).substring(2), lines);
    }

    /** Loads the model several times over and times pinned copies; returns null when all went well. */
    private static @Nullable Outcome load(StageRun run, Path model, ObjectNode record, List<String> lines)
            throws IOException, InterruptedException {
        Timing timing = new Timing();
        ObjectNode copied;
        try (Conversation worker = run.converse("ours", run.installation().java(NetworkWorker.class.getName()))) {
            for (int i = 0; i < (run.isShort() ? 2 : OPENINGS); i++) {
                ObjectNode opened = worker.ask(question("open", run, model), run.left());
                if (!Pairing.trouble(opened).isEmpty()) {
                    return ended(opened);
                }
                if (i > 0) {
                    timing.add(MAPPER.createArrayNode().add(opened.path("load_seconds").asDouble()));
                }
                worker.ask(question("close", run, model), run.left());
            }
            copied = worker.ask(question("copy", run, model), run.left());
        } catch (Conversation.NoAnswerException e) {
            return Outcome.failed(String.valueOf(e.getMessage()), lines);
        }
        if (!Pairing.trouble(copied).isEmpty()) {
            return ended(copied);
        }
        long bytes = bytes(model);
        double rate = copied.path("bytes_per_second").asDouble();
        record.put("bytes", bytes).put("pinned_copy_bytes_per_second", rate);
        record.set("load", timing.toJson());
        Records.goal(record, 24, "2.13 GB from the page cache", timing.median(), "s", timing.count(), null);
        lines.add(String.format(
                Locale.ROOT,
                "- %.2f GB in %.3f s: %.2f GB/s, %.0f %% of the pinned copy rate of %.2f GB/s (median of %d)",
                bytes / 1e9,
                timing.median(),
                bytes / timing.median() / 1e9,
                100 * bytes / timing.median() / rate,
                rate / 1e9,
                timing.count()));
        return null;
    }

    private static Outcome ended(ObjectNode answer) {
        String trouble = Pairing.trouble(answer);
        return answer.has("skipped")
                ? Outcome.skipped("too little memory: " + trouble)
                : answer.path("lost").asBoolean() ? Outcome.lost(trouble, List.of()) : Outcome.failed(trouble, List.of());
    }

    private static ObjectNode question(String op, StageRun run, Path model) {
        return MAPPER.createObjectNode()
                .put("op", op)
                .put("model", model.toString())
                .put("device", run.gpu().device())
                .put("dtype", "f16");
    }

    private static List<String> firstPicture(StageRun run, Path model) {
        return run.installation()
                .java(
                        "dev.darkroom.cli.Main",
                        "txt2img",
                        "-W",
                        run.isShort() ? "64" : "512",
                        "-H",
                        run.isShort() ? "64" : "512",
                        "-m",
                        model.toString(),
                        "-p",
                        "a lighthouse",
                        "--steps",
                        "1",
                        "--dtype",
                        "f16",
                        "--device",
                        run.gpu().device(),
                        "-o",
                        run.file("picture", ".png").toString());
    }

    private static long bytes(Path model) throws IOException {
        try (Stream<Path> files = Files.walk(model)) {
            long sum = 0;
            for (Path file : files.filter(each -> each.toString().endsWith(".safetensors")).toList()) {
                sum += Files.size(file);
            }
            return sum;
        }
    }
}
