package dev.darkroom.bench.check;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Our kernels over the shapes of the published models, with cuBLAS and cuDNN beside them; then torch's best on the same shapes. */
final class KernelsStage {
    private static final String BENCH = "dev.darkroom.bench.kernels.KernelBench";
    private static final String GOALS = "dev.darkroom.bench.kernels.KernelGoals";
    private static final double RESERVE_SECONDS = 3; // a bench ends itself so long before it would be killed

    private KernelsStage() {}

    static Outcome ours(StageRun run) throws IOException, InterruptedException {
        if (!Installation.isHere(BENCH)) {
            return Outcome.skipped("this build has no kernel benches");
        }
        List<String> arguments = options(run, file(run));
        arguments.addAll(List.of("--device", run.gpu().device()));
        arguments.addAll(List.of("--commit", run.installation().commit()));
        ChildProcess.Ended ended = run.run("", run.installation().java(BENCH, arguments.toArray(String[]::new)));
        return judged(run, "the kernel benches", "kernels", file(run), ended);
    }

    static Outcome torch(StageRun run) throws IOException, InterruptedException {
        if (!Installation.isHere(BENCH)) {
            return Outcome.skipped("this build has no kernel benches");
        }
        Torch torch = Torch.find(run, "torch_kernels.py");
        if (!torch.isHere()) {
            return Outcome.skipped(torch.absence());
        }
        Path shapes = run.file("shapes", ".json");
        ChildProcess.Ended listed = run.run("shapes", shapes(run, shapes));
        if (!listed.isGood()) {
            return run.failure("the list of shapes", listed);
        }
        List<String> command = new ArrayList<>(List.of(
                torch.python(),
                run.installation().root().resolve("bench/peers/torch_kernels.py").toString()));
        command.addAll(options(run, file(run)));
        command.addAll(List.of("--shapes", shapes.toString()));
        Outcome outcome = judged(run, "torch_kernels.py", "torch-kernels", file(run), run.run("", command));
        return outcome.isFailure() ? outcome : compared(run, outcome);
    }

    /** Adds torch's times to the record of our kernels. */
    private static Outcome compared(StageRun run, Outcome outcome) throws IOException, InterruptedException {
        Path record = file(run).resolveSibling("kernels.json");
        if (!Files.exists(record)) {
            return outcome; // the stage kernels was left out
        }
        ChildProcess.Ended ended = run.run(
                "goals",
                run.installation().java(GOALS, record.toString(), file(run).toString()));
        if (!ended.isGood()) {
            return run.failure("comparing our kernels with torch's", ended);
        }
        run.session().records().copy("kernels", record);
        return outcome;
    }

    private static List<String> shapes(StageRun run, Path file) {
        List<String> arguments = new ArrayList<>(List.of("--list-shapes", file.toString()));
        if (run.isShort()) {
            arguments.add("--short");
        }
        return run.installation().java(BENCH, arguments.toArray(String[]::new));
    }

    private static Path file(StageRun run) {
        return run.file("", ".json");
    }

    private static List<String> options(StageRun run, Path out) {
        List<String> options = new ArrayList<>(List.of("--out", out.toString()));
        options.addAll(List.of("--limit", Long.toString((long) Math.max(1, run.left() - RESERVE_SECONDS))));
        if (run.isShort()) {
            options.add("--short");
        }
        return options;
    }

    /** The bench's record is taken over also where it was ended before its time: it is written as it grows. */
    private static Outcome judged(StageRun run, String what, String name, Path written, ChildProcess.Ended ended)
            throws IOException {
        List<String> lines = new ArrayList<>();
        if (Files.exists(written)) {
            JsonNode record = new ObjectMapper().readTree(written.toFile());
            lines.add("- Record: "
                    + run.session().out().relativize(run.session().records().copy(name, written)));
            run.found().set("record", record);
        }
        ended.output().lines().map(line -> "    " + line).forEach(lines::add);
        if (!ended.isGood()) {
            Outcome failure = run.failure(what, ended);
            lines.addAll(failure.lines());
            return new Outcome(failure.status(), failure.summary(), lines);
        }
        String last = ended.output().lines().filter(line -> !line.isBlank()).reduce((a, b) -> b).orElse("done");
        return Outcome.passed(last, lines);
    }
}
