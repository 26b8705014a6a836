package dev.darkroom.cli;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** Ctrl-C and SIGTERM: asks the running command to end at its next step, and gives it time to clean up. */
final class Interruption {
    private static final long PATIENCE_SECONDS = 60; // a step or a decode of a large picture on a slow machine

    private static volatile boolean requested;
    private final CountDownLatch finished = new CountDownLatch(1);

    private Interruption() {}

    /** Listens from now on. */
    static Interruption install() {
        Interruption interruption = new Interruption();
        Runtime.getRuntime().addShutdownHook(new Thread(interruption::await, "interruption"));
        return interruption;
    }

    /** Whether the user wants the command to end. */
    static boolean requested() {
        return requested;
    }

    boolean isRequested() {
        return requested;
    }

    /** Called when the command has ended, for whatever reason. */
    void finished() {
        finished.countDown();
    }

    private void await() {
        if (finished.getCount() == 0) {
            return; // an ordinary end
        }
        requested = true;
        try {
            if (!finished.await(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
                System.err.println("darkroom: the running step did not end within " + PATIENCE_SECONDS + " s");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
