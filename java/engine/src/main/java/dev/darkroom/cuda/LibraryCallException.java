package dev.darkroom.cuda;

import dev.darkroom.tensor.DeviceException;

/** A call of cuBLAS or cuDNN that failed; the message names call, status and what was asked. */
final class LibraryCallException extends DeviceException {
    private static final long serialVersionUID = 1L;

    private final int status;

    /**
     * @param call    the function's name
     * @param status  what it returned
     * @param meaning the status in the library's words
     * @param subject what it was called for: a product, a handle
     */
    LibraryCallException(String call, int status, String meaning, String subject) {
        super(call + " for " + subject + " failed with " + meaning + " (" + status + ")");
        this.status = status;
    }

    /** A cublasStatus_t or a cudnnStatus_t. */
    public int status() {
        return status;
    }
}
