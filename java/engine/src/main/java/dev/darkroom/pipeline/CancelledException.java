package dev.darkroom.pipeline;

/** A request that its monitor ended; nothing of it is kept. */
public final class CancelledException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    CancelledException(String message) {
        super(message);
    }
}
