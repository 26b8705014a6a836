package dev.darkroom.reference;

/**
 * The outcome of one comparison.
 *
 * @param group     directory of the set
 * @param file      file of the set, or part of it
 * @param tensor    what was compared
 * @param status    whether it agrees
 * @param maxError  max|x - ref| / max|ref|; NaN where nothing was measured
 * @param rmsError  the same with root mean squares
 * @param tolerance what {@code maxError} may be at most
 * @param detail    why it was skipped, or where it departs; empty where there is nothing to say
 */
public record CaseResult(
        String group,
        String file,
        String tensor,
        Status status,
        double maxError,
        double rmsError,
        double tolerance,
        String detail) {
    /** Whether a comparison agrees. */
    public enum Status {
        PASS,
        FAIL,
        SKIPPED
    }

    static CaseResult skipped(String group, String file, String why) {
        return new CaseResult(group, file, "", Status.SKIPPED, Double.NaN, Double.NaN, Double.NaN, why);
    }

    /** A comparison that is either right or wrong. */
    static CaseResult exact(String group, String file, String tensor, boolean agrees, String detail) {
        Status status = agrees ? Status.PASS : Status.FAIL;
        return new CaseResult(group, file, tensor, status, Double.NaN, Double.NaN, 0, agrees ? "" : detail);
    }
}
