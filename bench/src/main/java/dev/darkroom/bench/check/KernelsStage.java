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
    private static final double RESERVE_SECONDS = 3; // a bench ends itself so long before it would be killed

    private KernelsStage() {}

    static Outcome ours(StageRun run) throws IOException, InterruptedException {
        if (!Installation.isHere(BENCH)) {
            return Outcome.skipped("this build has no kernel benches");
        }
        List<String> arguments = options(run, file(run));
        arguments.addAll(List.of("--device", run.gpu().device()));
        if (!run.isShort()) {
            arguments.addAll(List.of("--models", "sd15,sd21,sdxl", "--batches", "1,2,8,32"));
        }
        ChildProcess.Ended ended = run.run("", run.installation().java(BENCH, arguments.toArray(String[]::new)));
        return judged(run, "the kernel benches", "kernels", file(run), ended);
    }

    static Outcome torch(StageRun run) throws IOException, InterruptedException {
        Torch torch = Torch.find(run, "torch_kernels.py");
        if (!torch.isHere()) {
            return Outcome.skipped(torch.absence());
        }
        Path shapes = file(run).resolveSibling("kernels.json");
        if (!Files.exists(shapes)) {
            return Outcome.skipped("the stage kernels left no list of shapes to time");
        }
        List<String> command = new ArrayList<>(List.of(
                torch.python(),
                run.installation().root().resolve("bench/peers/torch_kernels.py").toString()));
        command.addAll(options(run, file(run)));
        command.addAll(List.of("--shapes", shapes.toString()));
        return judged(run, "torch_kernels.py", "torch-kernels", file(run), run.run("", command));
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
