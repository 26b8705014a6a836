package dev.darkroom.bench.check;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The contract tests of every operation, in f32, bf16 and f16, on this GPU; on a real one also replayed steps, pictures, and products served by cuBLAS and
 * cuDNN.
 */
final class ContractsStage {
    /** System property of the tests: the one device that they open. */
    static final String DEVICE_PROPERTY = "darkroom.contracts.device";

    private static final Pattern COUNT = Pattern.compile("\\[\\s*(\\d+) tests (\\w+)\\s*\\]");
    private static final int FAILURE_LINES = 40;

    private ContractsStage() {}

    static Outcome run(StageRun run) throws IOException, InterruptedException {
        if (run.installation().tests().isEmpty()) {
            return Outcome.skipped("the contract tests, or JUnit's console, are not in this installation");
        }
        ChildProcess.Ended ended = run.run("", command(run));
        String said = ended.output();
        int good = count(said, "successful");
        int bad = count(said, "failed");
        run.found().put("successful", good).put("failed", bad).put("aborted", count(said, "aborted"));
        List<String> failures = failures(said);
        if (ended.isGood() && bad == 0 && good > 0) {
            String without = !run.isShort() && lacksLibraries(run) ? "; none of cuBLAS and cuDNN, which are not both there" : "";
            return Outcome.passed(good + " tests passed" + without, List.of());
        }
        if (ended.isGood()) {
            return Outcome.failed("no test ran on " + run.gpu().device(), List.of());
        }
        if (bad == 0 || ended.timedOut()) {
            return run.failure("the contract tests", ended);
        }
        String loss = StageRun.loss(said);
        String summary = bad + " of " + (good + bad) + " tests failed";
        return loss.isEmpty()
                ? Outcome.failed(summary + ", first " + first(failures), failures)
                : Outcome.lost(summary + "; " + loss, failures);
    }

    private static List<String> command(StageRun run) {
        List<String> arguments = new ArrayList<>(List.of("execute", "--disable-banner", "--disable-ansi-colors"));
        Collections.addAll(arguments, "--details=summary", "--include-tag=every-device");
        arguments.add("--select-package=dev.darkroom.tensor");
        if (run.isShort()) {
            arguments.add("--include-classname=.*\\.(NormalContractTest|PropagationContractTest|DevicesTest)");
        } else if (run.gpu().device().equals("cuda:0")) { // which these open
            Collections.addAll(arguments, "--include-tag=gpu", "--select-class=dev.darkroom.pipeline.RecordedStepsTest");
            arguments.add("--select-class=dev.darkroom.pipeline.CudaPictureTest");
            if (lacksLibraries(run)) {
                arguments.add("--exclude-classname=.*LibraryProducts.*");
            }
        }
        return run.installation()
                .console(
                        List.of("-D" + DEVICE_PROPERTY + "=" + run.gpu().device()),
                        arguments.toArray(String[]::new));
    }

    private static boolean lacksLibraries(StageRun run) {
        return run.gpu().version("cuBLAS").isEmpty() || run.gpu().version("cuDNN").isEmpty();
    }

    private static int count(String said, String what) {
        Matcher counts = COUNT.matcher(said);
        while (counts.find()) {
            if (counts.group(2).equals(what)) {
                return Integer.parseInt(counts.group(1));
            }
        }
        return 0;
    }

    private static List<String> failures(String said) {
        List<String> lines = new ArrayList<>(List.of("```"));
        said.lines()
                .dropWhile(line -> !line.startsWith("Failures ("))
                .filter(line -> !line.isBlank())
                .limit(FAILURE_LINES)
                .forEach(lines::add);
        lines.add("```");
        return lines.size() == 2 ? List.of() : lines;
    }

    private static String first(List<String> failures) {
        return failures.size() > 2 ? failures.get(2).strip() : "one is not named";
    }
}
