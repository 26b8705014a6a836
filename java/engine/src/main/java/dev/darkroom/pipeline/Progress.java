package dev.darkroom.pipeline;

import dev.darkroom.image.Picture;
import java.util.function.Supplier;

/**
 * How far a request is.
 *
 * @param stage   what has just been done
 * @param step    number of steps done, 1 … {@code steps}, in stage {@link Stage#STEP}; 0 otherwise
 * @param steps   number of steps of the request
 * @param seconds since the request began
 * @param preview a rough small picture of the first image's latents as they are now, computed only when asked for, and only during the call
 */
public record Progress(Stage stage, int step, int steps, double seconds, Supplier<Picture> preview) {
    /** The stages of a request, in their order. */
    public enum Stage {
        TEXT,
        STEP,
        DECODE
    }
}
