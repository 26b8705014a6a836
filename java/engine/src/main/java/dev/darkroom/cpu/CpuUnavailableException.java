package dev.darkroom.cpu;

/** The CPU device cannot be opened on this machine; the message says why and what to do. */
public final class CpuUnavailableException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    CpuUnavailableException(String message, Throwable cause) {
        super(message, cause);
    }

    CpuUnavailableException(String message) {
        super(message);
    }
}
