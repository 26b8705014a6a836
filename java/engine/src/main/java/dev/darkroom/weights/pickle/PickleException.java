package dev.darkroom.weights.pickle;

/** A pickle that is broken, or asks for what is not allowed; the message says where and why, to follow the name of the file. */
public final class PickleException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public PickleException(String message) {
        super(message);
    }
}
