package dev.darkroom.cuda.bind;

/** A call of the driver that failed, where no device is concerned or as the cause of what befell one. */
public final class CudaException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final int code;

    /** As {@link Cuda#check} throws it. */
    public CudaException(int code, String message) {
        super(message);
        this.code = code;
    }

    /** The CUresult. */
    public int code() {
        return code;
    }
}
