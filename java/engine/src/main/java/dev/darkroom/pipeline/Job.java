package dev.darkroom.pipeline;

import dev.darkroom.image.Picture;
import dev.darkroom.sampling.SamplingPlan;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * What is to be computed, with everything decided.
 *
 * @param prompts         of all images
 * @param negativePrompts of all images; empty for zeros in place of their embeddings, as SDXL has it where none are given
 * @param width           in pixels
 * @param height          in pixels
 * @param size            what SDXL is told of the picture
 * @param negativeSize    what it is told with the negative prompts
 * @param plan            the compiled sampler
 * @param guidance        scale of classifier-free guidance; 1 or less for none
 * @param guidanceRescale 0 … 1
 * @param init            the picture to start from, of this size; empty to start from noise
 * @param noise           of all images; from its first draw on whenever it is asked for, so that a job can be run again
 */
public record Job(
        Texts prompts,
        Optional<Texts> negativePrompts,
        int width,
        int height,
        MicroConditioning size,
        MicroConditioning negativeSize,
        SamplingPlan plan,
        double guidance,
        double guidanceRescale,
        Optional<Picture> init,
        Supplier<Noise> noise) {
    /** Number of images. */
    public int images() {
        return prompts.first().size();
    }
}
