package dev.darkroom.bench.check;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** NVIDIA's compute-sanitizer over the kernels of small networks: accesses (memcheck) and races in shared memory (racecheck). */
final class SanitizerStage {
    private static final String TOUR = KernelTour.class.getName();
    private static final int ERROR_CODE = 86; // no code of ours
    private static final Pattern SUMMARY = Pattern.compile("(?:ERROR SUMMARY: (\\d+) error|RACECHECK SUMMARY: (\\d+) hazard).*");

    private SanitizerStage() {}

    static Outcome run(StageRun run) throws IOException, InterruptedException {
        Path program = program();
        if (program == null) {
            return Outcome.skipped(
                    "compute-sanitizer is in neither PATH nor /usr/local/cuda/bin; it comes with the CUDA toolkit");
        }
        Path models = run.installation().root().resolve("tests/reference/checkpoints");
        String missing = run.missing(models);
        if (!missing.isEmpty()) {
            return Outcome.skipped(missing);
        }
        List<String> lines = new ArrayList<>();
        Outcome worst = null;
        List<String> tools = List.of("memcheck", "racecheck");
        for (String tool : tools) {
            double limit = run.left() / (tools.size() - tools.indexOf(tool));
            Outcome outcome = judge(run, tool, run.run(tool, command(run, program, tool, models), limit));
            lines.add("- " + tool + ": " + outcome.summary());
            lines.addAll(outcome.lines());
            worst = worst == null || !worst.isFailure() && outcome.isFailure() ? outcome : worst;
        }
        boolean good = worst == null || !worst.isFailure();
        return good ? Outcome.passed("memcheck and racecheck found nothing", lines) : new Outcome(worst.status(), worst.summary(), lines);
    }

    private static List<String> command(StageRun run, Path program, String tool, Path models) {
        List<String> command = new ArrayList<>(List.of(
                program.toString(),
                "--tool",
                tool,
                "--error-exitcode",
                Integer.toString(ERROR_CODE),
                "--print-limit",
                "20"));
        String device = run.gpu().device();
        command.addAll(
                run.isShort()
                        ? run.installation().java(TOUR, device, models.resolve("sd1").toString(), "f16")
                        : run.installation().java(TOUR, device, models.toString()));
        return command;
    }

    private static Outcome judge(StageRun run, String tool, ChildProcess.Ended ended) throws IOException {
        String said = ended.everything();
        Matcher summary = SUMMARY.matcher(said);
        if (!summary.find()) { // cut off, or the program failed before there was anything to check
            return run.failure(tool, ended);
        }
        run.found().put(tool, summary.group());
        boolean clean = "0".equals(summary.group(1) == null ? summary.group(2) : summary.group(1));
        if (clean && ended.isGood() && said.contains(KernelTour.DONE)) {
            return Outcome.passed(summary.group(), List.of());
        }
        Outcome failure = run.failure(tool, ended);
        return new Outcome(failure.status(), clean ? failure.summary() : tool + ": " + summary.group(), failure.lines());
    }

    private static @Nullable Path program() {
        Map<String, String> environment = System.getenv();
        return Installation.program(
                "compute-sanitizer",
                Path.of(environment.getOrDefault("CUDA_HOME", "/usr/local/cuda"), "bin"),
                Path.of("/usr/local/cuda/bin"),
                Path.of("/usr/local/cuda/compute-sanitizer"));
    }
}
