package dev.darkroom.pipeline;

import dev.darkroom.image.Picture;
import dev.darkroom.sampling.SamplingPlan;
import java.util.List;
import java.util.Optional;

/**
 * What is to be computed, with everything decided.
 *
 * @param prompts         one for each image
 * @param negativePrompts one for each image
 * @param width           in pixels
 * @param height          in pixels
 * @param plan            the compiled sampler
 * @param guidance        scale of classifier-free guidance; 1 or less for none
 * @param guidanceRescale 0 … 1
 * @param clipSkip        layer of the prompts: 1 for the model's own
 * @param negativeClipSkip layer of the negative prompts; AUTOMATIC1111 takes the prompts', diffusers always the model's own
 * @param init            the picture to start from, of this size; empty to start from noise
 * @param noise           of all images
 */
public record Job(
        List<String> prompts,
        List<String> negativePrompts,
        int width,
        int height,
        SamplingPlan plan,
        double guidance,
        double guidanceRescale,
        int clipSkip,
        int negativeClipSkip,
        Optional<Picture> init,
        Noise noise) {
    /** Number of images. */
    public int images() {
        return prompts.size();
    }
}
