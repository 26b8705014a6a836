package dev.darkroom.bench.check;

import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** The command {@code gpu-check}. */
@Command(
        name = "gpu-check",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = "Checks and measures everything on one GPU, in stages, and writes report.md and records.",
        footer = {
            "",
            "Exit codes: 0 all passed, 1 something failed, 2 bad arguments, 3 the device was lost, 4 no GPU can be used,",
            "5 nothing failed but contracts or verify could not be run, 130 interrupted."
        })
public final class GpuCheck implements Callable<Integer> {
    private static final DateTimeFormatter FOLDER_NAME =
            DateTimeFormatter.ofPattern("'gpu-check-'yyyyMMdd'T'HHmmss", Locale.ROOT).withZone(ZoneOffset.UTC);

    @Mixin
    private final Options options = new Options();

    @Spec
    private CommandSpec spec = CommandSpec.create();

    private GpuCheck() {}

    public static void main(String[] arguments) {
        PrintWriter out = new PrintWriter(System.out, true, StandardCharsets.UTF_8);
        PrintWriter err = new PrintWriter(System.err, true, StandardCharsets.UTF_8);
        int code = new CommandLine(new GpuCheck())
                .setOut(out)
                .setErr(err)
                .setUsageHelpAutoWidth(true)
                .setExecutionExceptionHandler((e, command, parsed) -> failed(e, err))
                .execute(arguments);
        System.exit(code);
    }

    private static int failed(Exception e, PrintWriter err) throws Exception {
        if (e instanceof IllegalArgumentException) {
            err.println("gpu-check: error: " + e.getMessage());
            return CommandLine.ExitCode.USAGE;
        }
        if (e instanceof InterruptedException) {
            Thread.currentThread().join(); // the process is being ended, by another thread
        }
        throw e;
    }

    @Override
    public Integer call() throws InterruptedException {
        PrintWriter terminal = spec.commandLine().getOut();
        List<Stage> stages = Stages.chosen(options.only, options.skip);
        if (options.list) {
            stages.forEach(stage ->
                    terminal.printf(Locale.ROOT, "%-14s %3d s  %s%n", stage.name(), stage.seconds(), stage.what()));
            return Runner.GOOD;
        }
        if (!options.device.matches("cuda(:\\d{1,4})?")) {
            throw new IllegalArgumentException("--device is " + options.device + "; it must be cuda or cuda:N");
        }
        if (options.limit < 1) {
            throw new IllegalArgumentException("--limit is " + options.limit + "; it must be a second or more");
        }
        return check(stages, terminal);
    }

    private int check(List<Stage> stages, PrintWriter terminal) throws InterruptedException {
        Instant now = Instant.now().truncatedTo(ChronoUnit.SECONDS);
        Installation installation = Installation.find();
        Path out = OutFolder.make(options.out, FOLDER_NAME.format(now), terminal::println);
        Report report = new Report(out, stages);
        report.fact("when", now.toString());
        report.fact("commit", installation.commit());
        report.fact("installation", installation.root().toString());
        report.fact("java", System.getProperty("java.vm.name") + " " + Runtime.version());
        report.fact("system", System.getProperty("os.name") + " " + System.getProperty("os.version"));
        Map<String, String> environment = environment(out, report, terminal);
        Session session = new Session(options, installation, out, environment, now.toString());
        Runner runner = new Runner(session, stages, report, terminal);
        Thread ending = new Thread(runner::interrupt, "ending");
        Runtime.getRuntime().addShutdownHook(ending);
        int code = runner.run();
        Runtime.getRuntime().removeShutdownHook(ending);
        terminal.println();
        terminal.println(report.verdict());
        report.entries().stream()
                .filter(entry -> entry.outcome().isFailure())
                .findFirst()
                .ifPresent(first -> first.commands().stream()
                        .reduce((a, b) -> b)
                        .ifPresent(command -> terminal.println("Run it again by itself: " + command)));
        terminal.println("Report: " + out.resolve("report.md"));
        return code;
    }

    /** What children get besides: where the user's cache cannot be used, one beside the report; torch keeps there what it has compiled. */
    private static Map<String, String> environment(Path out, Report report, PrintWriter terminal) {
        Path cache = OutFolder.cache();
        String problem = OutFolder.problem(cache);
        if (problem.isEmpty()) {
            return Map.of("TORCHINDUCTOR_CACHE_DIR", cache.resolve("inductor").toString());
        }
        Path own = out.resolve("cache");
        report.fact("cache", problem + "; compiled kernels are kept in " + own + " instead");
        terminal.println("cache: " + problem + "; using " + own);
        return Map.of(
                "XDG_CACHE_HOME",
                own.toString(),
                "TORCHINDUCTOR_CACHE_DIR",
                own.resolve("inductor").toString());
    }
}
