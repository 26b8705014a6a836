package dev.darkroom.tensor;

/**
 * A device that this process cannot use any more; the message says what ended it, what ran last, and what to do.
 *
 * <p>Every later use of the device throws the same; closing it works.
 */
public final class DeviceLostException extends DeviceException {
    private static final long serialVersionUID = 1L;

    /** @param cause the first call that failed */
    public DeviceLostException(String message, Throwable cause) {
        super(message, cause);
    }
}
