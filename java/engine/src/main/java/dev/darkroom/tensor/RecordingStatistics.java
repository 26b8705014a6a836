package dev.darkroom.tensor;

/**
 * How the runs of a device's recordings were carried out.
 *
 * @param direct   operation by operation
 * @param recorded as the first launch of what had just been recorded
 * @param replayed by one launch of what was recorded before
 */
public record RecordingStatistics(long direct, long recorded, long replayed) {
    /** Of a device that records nothing. */
    public static final RecordingStatistics NONE = new RecordingStatistics(0, 0, 0);

    /** What was done since {@code before}. */
    public RecordingStatistics since(RecordingStatistics before) {
        return new RecordingStatistics(direct - before.direct, recorded - before.recorded, replayed - before.replayed);
    }
}
