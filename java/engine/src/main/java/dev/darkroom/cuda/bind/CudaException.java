package dev.darkroom.cuda.bind;

/** A call of the driver that failed. */
public final class CudaException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final int code;

    CudaException(int code, String message) {
        super(message);
        this.code = code;
    }

    /** The CUresult. */
    public int code() {
        return code;
    }
}
