package dev.darkroom.cuda.bind;

/** CUDA, or the GPU that was asked for, cannot be had; the message says what is missing, where it was looked for and what to do. */
public final class CudaUnavailableException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final String summary;

    /**
     * @param summary what is missing, in a few words
     * @param details where it was looked for and what to do
     */
    public CudaUnavailableException(String summary, String details) {
        super(summary + ": " + details);
        this.summary = summary;
    }

    /** As {@link #CudaUnavailableException(String, String)}, after {@code cause}. */
    public CudaUnavailableException(String summary, String details, Throwable cause) {
        super(summary + ": " + details, cause);
        this.summary = summary;
    }

    /** What is missing, in a few words. */
    public String summary() {
        return summary;
    }
}
