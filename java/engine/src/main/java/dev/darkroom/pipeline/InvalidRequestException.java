package dev.darkroom.pipeline;

/** A request that cannot be served as it is; the message names the field, its value and what is allowed. Nothing has been computed. */
public final class InvalidRequestException extends IllegalArgumentException {
    private static final long serialVersionUID = 1L;

    public InvalidRequestException(String message) {
        super(message);
    }
}
