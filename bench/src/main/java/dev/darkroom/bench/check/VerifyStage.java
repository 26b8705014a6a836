package dev.darkroom.bench.check;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Networks, samplers and pipelines against the reference tensors, in each type. */
final class VerifyStage {
    private static final List<String> TYPES = List.of("f32", "f16", "bf16");
    private static final int CASES_SHOWN = 10;

    private VerifyStage() {}

    static Outcome run(StageRun run) throws IOException, InterruptedException {
        Path set = run.installation().root().resolve("tests/reference");
        String missing = run.missing(set.resolve("unet"));
        if (!missing.isEmpty()) {
            return Outcome.skipped(missing);
        }
        List<String> lines = new ArrayList<>(List.of("| type | passed | failed | skipped | largest error of its tolerance |", "|---|---|---|---|---|"));
        List<String> failures = new ArrayList<>();
        int passed = 0;
        List<String> types = run.isShort() ? List.of("f16") : TYPES;
        for (String type : types) {
            double limit = run.left() / (types.size() - types.indexOf(type));
            ChildProcess.Ended ended = run.run(type, command(run, set, type), limit);
            JsonNode report = report(ended);
            if (report.isMissingNode()) {
                Outcome failure = run.failure("darkroom verify in " + type, ended);
                lines.addAll(failure.lines());
                return new Outcome(failure.status(), failure.summary(), lines);
            }
            passed += report.path("pass").asInt();
            lines.add(row(type, report));
            failures(type, report, failures);
            run.found().set(type, report);
        }
        if (failures.isEmpty() && passed > 0) {
            return Outcome.passed(passed + " comparisons passed in " + String.join(", ", types), lines);
        }
        lines.addAll(List.of("", "Failed:", ""));
        failures.stream().limit(CASES_SHOWN).map(each -> "- " + each).forEach(lines::add);
        return Outcome.failed(
                failures.isEmpty()
                        ? "nothing was compared"
                        : failures.size() + " comparisons failed, first " + failures.get(0),
                lines);
    }

    private static List<String> command(StageRun run, Path set, String type) {
        List<String> arguments = new ArrayList<>(List.of("verify", set.toString(), "--json", "--dtype", type));
        arguments.addAll(List.of("--device", run.gpu().device()));
        if (run.isShort()) {
            arguments.addAll(List.of("--group", "vae"));
        }
        return run.installation().java("dev.darkroom.cli.Main", arguments.toArray(String[]::new));
    }

    private static JsonNode report(ChildProcess.Ended ended) throws IOException {
        ObjectMapper mapper = new ObjectMapper();
        String output = ended.output().strip();
        return ended.timedOut() || !output.startsWith("{") ? mapper.missingNode() : mapper.readTree(output);
    }

    private static String row(String type, JsonNode report) {
        double worst = 0;
        for (JsonNode each : report.path("cases")) {
            double tolerance = each.path("tolerance").asDouble();
            worst = tolerance > 0 ? Math.max(worst, each.path("max_error").asDouble() / tolerance) : worst;
        }
        return String.format(
                Locale.ROOT,
                "| %s | %d | %d | %d | %.2f |",
                type,
                report.path("pass").asInt(),
                report.path("fail").asInt(),
                report.path("skipped").asInt(),
                worst);
    }

    private static void failures(String type, JsonNode report, List<String> failures) {
        for (JsonNode each : report.path("cases")) {
            if (each.path("status").asText().equals("fail")) {
                failures.add(String.format(
                        Locale.ROOT,
                        "%s %s %s in %s: error %.2e, tolerance %.1e %s",
                        each.path("group").asText(),
                        each.path("file").asText(),
                        each.path("tensor").asText(),
                        type,
                        each.path("max_error").asDouble(),
                        each.path("tolerance").asDouble(),
                        each.path("detail").asText()));
            }
        }
    }
}
