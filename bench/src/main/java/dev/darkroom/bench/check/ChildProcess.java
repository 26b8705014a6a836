package dev.darkroom.bench.check;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** A program that is run with a limit of time: at the limit it is killed with all that it has started. */
final class ChildProcess {
    private static final Set<Process> LIVE = ConcurrentHashMap.newKeySet();
    private static volatile boolean ending;
    private static final int KILL_ROUNDS = 20; // a program may start another while it is being killed

    /**
     * How a program ended.
     *
     * @param code     its exit code; of one that was killed 128 and the number of the signal
     * @param timedOut whether it was killed at its limit
     * @param out      file of what it printed
     * @param log      file of what it complained of
     */
    record Ended(int code, boolean timedOut, double seconds, Path out, Path log) {
        boolean isGood() {
            return code == 0 && !timedOut;
        }

        String output() throws IOException {
            return text(out);
        }

        /** All that it said. */
        String everything() throws IOException {
            return text(out) + text(log);
        }

        /** How it ended, where it should have ended otherwise. */
        String describe() {
            return timedOut
                    ? String.format(Locale.ROOT, "did not end within %.0f s and was killed", seconds)
                    : code > 128 && code < 160 ? "was ended by signal " + (code - 128) : "ended with exit code " + code;
        }
    }

    private ChildProcess() {}

    /**
     * Runs a program to its end or limit.
     *
     * @param folder      where it runs
     * @param environment variables beside those of this process
     * @throws IOException when it cannot be started
     */
    static Ended run(
            List<String> command, Path folder, Map<String, String> environment, Path out, Path log, double limitSeconds)
            throws IOException, InterruptedException {
        ProcessBuilder builder = builder(command, folder, environment, log)
                .redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()))
                .redirectOutput(out.toFile());
        long begun = System.nanoTime();
        Process process = start(builder);
        try {
            boolean ended = process.waitFor((long) (1e9 * limitSeconds), TimeUnit.NANOSECONDS);
            double seconds = (System.nanoTime() - begun) / 1e9;
            kill(process);
            return new Ended(process.waitFor(), !ended, seconds, out, log);
        } finally {
            kill(process);
        }
    }

    static ProcessBuilder builder(List<String> command, Path folder, Map<String, String> environment, Path log) {
        ProcessBuilder builder =
                new ProcessBuilder(command).directory(folder.toFile()).redirectError(log.toFile());
        builder.environment().putAll(environment);
        return builder;
    }

    /** Starts a program that is killed, at the latest, with this process. */
    static Process start(ProcessBuilder builder) throws IOException {
        Process process = builder.start();
        LIVE.add(process);
        if (ending) {
            kill(process);
        }
        return process;
    }

    /** Ends a program and all that it has started, as far as it can still be found. */
    static void kill(Process process) {
        for (int round = 0; round < KILL_ROUNDS; round++) {
            List<ProcessHandle> family = Stream.concat(process.descendants(), Stream.of(process.toHandle()))
                    .filter(ProcessHandle::isAlive)
                    .toList();
            if (family.isEmpty()) {
                break;
            }
            family.forEach(ProcessHandle::destroyForcibly);
        }
        LIVE.remove(process);
    }

    /** Ends every program that still runs, when this process ends before them. */
    static void killAll() {
        ending = true;
        LIVE.forEach(ChildProcess::kill);
    }

    private static String text(Path file) throws IOException {
        return Files.exists(file) ? new String(Files.readAllBytes(file), StandardCharsets.UTF_8) : "";
    }
}
