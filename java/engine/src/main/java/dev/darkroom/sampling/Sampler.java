package dev.darkroom.sampling;

/** A method of turning noise into a sample step by step; compiled for a schedule before the first step. */
interface Sampler {
    /** The plan for {@code steps} steps without the first {@code skipped} of them. */
    SamplingPlan plan(SchedulerConfig config, int steps, int skipped);
}
