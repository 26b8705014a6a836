package dev.darkroom.bench.check;

import java.util.List;

/**
 * How a stage ended.
 *
 * @param summary in a line: what was found, what failed first, or why the stage was skipped
 * @param lines   Markdown for the report: tables and remarks
 */
record Outcome(Status status, String summary, List<String> lines) {
    /** How a stage can end; one that failed may have lost the device. */
    enum Status {
        PASSED,
        FAILED,
        LOST,
        SKIPPED
    }

    Outcome {
        lines = List.copyOf(lines);
    }

    static Outcome passed(String summary, List<String> lines) {
        return new Outcome(Status.PASSED, summary, lines);
    }

    static Outcome failed(String summary, List<String> lines) {
        return new Outcome(Status.FAILED, summary, lines);
    }

    static Outcome skipped(String why) {
        return new Outcome(Status.SKIPPED, why, List.of());
    }

    /** What was lost is the device of one process; the next process may have it again. */
    static Outcome lost(String summary, List<String> lines) {
        return new Outcome(Status.LOST, summary, lines);
    }

    boolean isFailure() {
        return status == Status.FAILED || status == Status.LOST;
    }
}
