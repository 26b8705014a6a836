package dev.darkroom.tensor;

/** A device that cannot hold a tensor; the message gives the sizes and the scopes that hold most. The device stays usable. */
public final class OutOfDeviceMemoryException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final long requestedBytes;

    public OutOfDeviceMemoryException(String message, long requestedBytes) {
        super(message);
        this.requestedBytes = requestedBytes;
    }

    /** Size of the allocation that failed. */
    public long requestedBytes() {
        return requestedBytes;
    }
}
