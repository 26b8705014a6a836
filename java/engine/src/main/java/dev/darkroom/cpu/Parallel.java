package dev.darkroom.cpu;

import java.util.function.IntConsumer;
import java.util.stream.IntStream;

/** Runs pieces of Java work at once: on the calling thread and the JVM's common pool. */
final class Parallel {
    private Parallel() {}

    /** Calls {@code work} with 0 … parts-1 and returns when all are done. */
    static void run(int parts, IntConsumer work) {
        if (parts == 1) {
            work.accept(0);
        } else {
            IntStream.range(0, parts).parallel().forEach(work);
        }
    }

    /** Splits 0 … count-1 into {@code parts} ranges of about the same size; where range {@code part} starts. */
    static int bound(int count, int part, int parts) {
        return (int) ((long) count * part / parts);
    }
}
