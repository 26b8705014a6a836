package dev.darkroom.bench.check;

import java.io.IOException;
import java.io.PrintWriter;
import java.util.List;
import java.util.Locale;

/** Runs one stage after the other, each within the time that is planned up to its end, and judges the whole. */
final class Runner {
    static final int GOOD = 0;
    static final int FAILED = 1;
    static final int LOST = 3;
    static final int NO_GPU = 4;
    static final int INCOMPLETE = 5;
    static final int INTERRUPTED = 130;

    private static final double LEAST_SECONDS = 1; // to begin a stage

    private final Session session;
    private final List<Stage> stages;
    private final Report report;
    private final PrintWriter terminal;
    private volatile boolean interrupted;

    Runner(Session session, List<Stage> stages, Report report, PrintWriter terminal) {
        this.session = session;
        this.stages = stages;
        this.report = report;
        this.terminal = terminal;
    }

    /** Runs them all; returns the exit code. */
    int run() throws InterruptedException {
        int limit = session.options().limit;
        int planned = stages.stream().mapToInt(Stage::seconds).sum();
        double scale = (double) limit / Stages.ALL.stream().mapToInt(Stage::seconds).sum();
        if (planned * scale < limit && !session.options().only.isEmpty()) {
            scale = (double) limit / planned; // those that were asked for may take it all
        }
        long begun = System.nanoTime();
        double end = 0;
        for (Stage stage : stages) {
            end += scale * stage.seconds();
            report.begin(stage);
            Report.Entry entry = run(stage, begun + (long) (1e9 * end));
            requireNotInterrupted();
            report.end(entry);
            terminal.println(Report.line(entry));
            if (entry.outcome().isFailure() && stage.needsGpu()) {
                look(stage);
            }
        }
        session.checkpoints().delete();
        int code = code();
        report.finish(verdict(code), code);
        return code;
    }

    private Report.Entry run(Stage stage, long deadline) throws InterruptedException {
        StageRun run = new StageRun(session, stage.name(), deadline);
        double limit = run.left();
        long begun = System.nanoTime();
        Outcome outcome = outcome(stage, run);
        double seconds = (System.nanoTime() - begun) / 1e9;
        return new Report.Entry(stage, outcome, seconds, Math.max(limit, 0), run.commands(), run.found());
    }

    private Outcome outcome(Stage stage, StageRun run) throws InterruptedException {
        if (stage.needsGpu() && !session.gpu().isUsable()) {
            return Outcome.skipped("no GPU: " + session.gpu().problem());
        }
        if (run.left() < LEAST_SECONDS) {
            return Outcome.skipped("the time is used up; give more with --limit");
        }
        try {
            return stage.work().run(run);
        } catch (IOException | RuntimeException e) {
            return Outcome.failed("it could not be run: " + e, List.of());
        }
    }

    /** After a failure: whether there still is a GPU to go on with. */
    private void look(Stage stage) throws InterruptedException {
        StageRun look = new StageRun(session, "doctor-after-" + stage.name(), System.nanoTime() + 15_000_000_000L);
        try {
            DoctorStage.run(look);
        } catch (IOException e) {
            session.setGpu(Gpu.unknown(session.gpu().device(), "the doctor could not be run: " + e));
        }
        if (!session.gpu().isUsable()) {
            session.setGpu(Gpu.unknown(
                    session.gpu().device(), "gone since the stage " + stage.name() + ": " + session.gpu().problem()));
        }
    }

    private int code() {
        List<Report.Entry> entries = report.entries();
        if (entries.stream().anyMatch(entry -> entry.outcome().status() == Outcome.Status.LOST)) {
            return LOST;
        }
        if (!usableAtFirst()) {
            return NO_GPU;
        }
        if (entries.stream().anyMatch(entry -> entry.outcome().isFailure())) {
            return FAILED;
        }
        return entries.stream().anyMatch(Runner::isSkippedDuty) ? INCOMPLETE : GOOD;
    }

    private boolean usableAtFirst() {
        return report.entries().stream()
                .noneMatch(entry -> entry.stage().name().equals(Stages.DOCTOR)
                        && entry.outcome().isFailure());
    }

    /** What every GPU has to pass, and was not run. */
    private static boolean isSkippedDuty(Report.Entry entry) {
        return entry.outcome().status() == Outcome.Status.SKIPPED
                && List.of(Stages.CONTRACTS, Stages.VERIFY).contains(entry.stage().name());
    }

    private String verdict(int code) {
        long skipped = report.entries().stream()
                .filter(entry -> entry.outcome().status() == Outcome.Status.SKIPPED)
                .count();
        String first = report.entries().stream()
                .filter(entry -> entry.outcome().isFailure())
                .findFirst()
                .map(entry -> entry.stage().name())
                .orElse("");
        String sentence = switch (code) {
            case GOOD -> "Passed.";
            case LOST -> "The device was lost in the stage " + first + ".";
            case NO_GPU -> "Nothing was checked on a GPU: " + session.gpu().problem() + ".";
            case INCOMPLETE -> "Nothing failed, but contracts or verify could not be run, so nothing is proven.";
            default -> "Failed, first in the stage " + first + ".";
        };
        return String.format(Locale.ROOT, "%s %d of %d stages were skipped.", sentence, skipped, stages.size());
    }

    /** From the thread that ends this process: leaves a whole report. */
    void interrupt() {
        interrupted = true;
        ChildProcess.killAll();
        report.finish("Interrupted: this run has not finished.", INTERRUPTED);
        session.checkpoints().delete();
    }

    /** What is killed at the end has not failed. */
    private void requireNotInterrupted() throws InterruptedException {
        if (interrupted) {
            throw new InterruptedException("this process is being ended");
        }
    }
}
