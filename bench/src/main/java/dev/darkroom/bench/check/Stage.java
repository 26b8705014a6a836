package dev.darkroom.bench.check;

import java.io.IOException;

/**
 * A part of the check.
 *
 * @param name     as {@code --only} and {@code --skip} take it
 * @param what     it does, in a line
 * @param needsGpu whether it is skipped where no GPU can be used
 * @param seconds  its share of the time; what the stages before it did not use is added
 */
record Stage(String name, String what, boolean needsGpu, int seconds, Work work) {
    /** What a stage does, in processes of its own. */
    @FunctionalInterface
    interface Work {
        /** @throws IOException when a program cannot be started or its report cannot be read, which fails the stage */
        Outcome run(StageRun run) throws IOException, InterruptedException;
    }
}
