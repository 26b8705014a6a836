package dev.darkroom.weights;

/** Weights or a model folder that cannot be used; the message names the file, what is wrong with it, and what to do. */
public final class WeightsException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public WeightsException(String message) {
        super(message);
    }

    public WeightsException(String message, Throwable cause) {
        super(message, cause);
    }
}
