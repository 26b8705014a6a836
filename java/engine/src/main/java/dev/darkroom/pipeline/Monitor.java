package dev.darkroom.pipeline;

/** Watches a request and may end it; called by the thread that runs it. */
public interface Monitor {
    /** Neither watches nor cancels. */
    Monitor NONE = new Monitor() {};

    /** Called after each stage and each step. */
    default void progress(Progress progress) {}

    /** Asked before each step and each decode; true ends the request with {@link CancelledException}. */
    default boolean isCancelled() {
        return false;
    }
}
