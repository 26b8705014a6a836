package dev.darkroom.tensor;

/** A device that has no memory left; the message gives the sizes and the scopes that hold most. The device stays usable. */
public final class OutOfDeviceMemoryException extends DeviceException {
    private static final long serialVersionUID = 1L;

    private final long requestedBytes;

    /** @param requestedBytes size of what did not fit; 0 where the device does not say */
    public OutOfDeviceMemoryException(String message, long requestedBytes) {
        super(message);
        this.requestedBytes = requestedBytes;
    }

    /** Size of the allocation that failed; 0 where the device does not say. */
    public long requestedBytes() {
        return requestedBytes;
    }
}
