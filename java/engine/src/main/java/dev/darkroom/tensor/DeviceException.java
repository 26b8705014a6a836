package dev.darkroom.tensor;

/** A device could not do what it was asked for. Unless it is a {@link DeviceLostException}, only the request has failed: the next one works. */
public class DeviceException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public DeviceException(String message) {
        super(message);
    }

    /** @param cause the call of the device's library that failed */
    public DeviceException(String message, Throwable cause) {
        super(message, cause);
    }
}
