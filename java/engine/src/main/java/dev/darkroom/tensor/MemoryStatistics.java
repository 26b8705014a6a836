package dev.darkroom.tensor;

/**
 * What a {@link MemoryPool} holds, in bytes.
 *
 * @param live       handed out to tensors now
 * @param cached     reserved from the device but free
 * @param peak       the most that was ever live since the last reset
 * @param peakReserved the most that was ever reserved, live or cached, since the last reset
 * @param requested  what the live tensors asked for, before rounding up
 * @param allocations number of allocations since the pool was made
 * @param reservations number of reservations from the device since the pool was made
 */
public record MemoryStatistics(
        long live, long cached, long peak, long peakReserved, long requested, long allocations, long reservations) {
    /** Share of the reserved memory that no tensor asked for: rounding and free pieces between tensors, 0 to 1. */
    public double fragmentation() {
        return live + cached == 0 ? 0 : 1 - (double) requested / (live + cached);
    }
}
