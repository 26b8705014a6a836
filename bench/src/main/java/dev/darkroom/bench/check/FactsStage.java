package dev.darkroom.bench.check;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What the driver says of its GPUs: clocks, power, temperature, and who else uses them; taken before and after everything else. */
final class FactsStage {
    private static final List<String> FIELDS = List.of(
            "index",
            "name",
            "uuid",
            "driver_version",
            "pstate",
            "clocks.sm",
            "clocks.max.sm",
            "clocks.mem",
            "power.draw",
            "power.limit",
            "temperature.gpu",
            "memory.used",
            "memory.total");

    private FactsStage() {}

    static Outcome run(StageRun run) throws IOException, InterruptedException {
        Path program = program();
        if (program == null) {
            return Outcome.skipped("nvidia-smi is not in PATH; clocks, power and temperature are not known");
        }
        ChildProcess.Ended ended = run.run(
                "query",
                List.of(
                        program.toString(),
                        "--query-gpu=" + String.join(",", FIELDS),
                        "--format=csv,noheader"));
        if (!ended.isGood()) {
            return run.failure("nvidia-smi", ended);
        }
        List<String> gpus = ended.output().lines().filter(line -> !line.isBlank()).toList();
        if (gpus.isEmpty()) {
            return Outcome.skipped("nvidia-smi sees no GPU");
        }
        List<String> lines = new ArrayList<>(List.of("| " + String.join(" | ", FIELDS) + " |"));
        lines.add("|" + "---|".repeat(FIELDS.size()));
        for (String gpu : gpus) {
            lines.add("| " + gpu.replace(", ", " | ") + " |");
            run.found().withArray("gpus").add(gpu);
        }
        String others = others(run, program);
        if (!others.isEmpty()) {
            lines.addAll(List.of("", "**Others use the GPU, which disturbs what is measured:**", "", others));
        }
        return Outcome.passed(gpus.get(0) + (others.isEmpty() ? "" : "; others use the GPU"), lines);
    }

    private static String others(StageRun run, Path program) throws IOException, InterruptedException {
        ChildProcess.Ended ended = run.run(
                "processes",
                List.of(
                        program.toString(),
                        "--query-compute-apps=pid,process_name,used_memory",
                        "--format=csv,noheader"));
        return ended.isGood() ? ended.output().strip() : "";
    }

    private static @Nullable Path program() {
        return Installation.program("nvidia-smi", Path.of("/usr/lib/wsl/lib"));
    }
}
