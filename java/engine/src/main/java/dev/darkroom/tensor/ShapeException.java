package dev.darkroom.tensor;

/** Operands whose shapes or types do not fit together; the message gives the operation, where it stands, and both sides. */
public final class ShapeException extends IllegalArgumentException {
    private static final long serialVersionUID = 1L;

    public ShapeException(String message) {
        super(message);
    }
}
