package dev.darkroom.cuda.bind;

/** CUDA, or the GPU that was asked for, cannot be had; the message says what is missing, where it was looked for and what to do. */
public final class CudaUnavailableException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public CudaUnavailableException(String message) {
        super(message);
    }

    public CudaUnavailableException(String message, Throwable cause) {
        super(message, cause);
    }
}
