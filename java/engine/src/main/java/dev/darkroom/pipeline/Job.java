package dev.darkroom.pipeline;

import dev.darkroom.image.Picture;
import dev.darkroom.sampling.SamplingPlan;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * What is to be computed, with everything decided.
 *
 * @param prompts         of all images
 * @param negativePrompts of all images; empty where none are given, for which SDXL's base model has zeros and the others the empty text
 * @param width           in pixels
 * @param height          in pixels
 * @param size            what SDXL is told of the picture
 * @param negativeSize    what it is told with the negative prompts
 * @param plan            the compiled sampler
 * @param refinerFrom     the first step that the refiner takes; the number of steps where there is none
 * @param guidance        scale of classifier-free guidance; 1 or less for none
 * @param guidanceRescale 0 … 1
 * @param init            the picture to start from, of this size; empty to start from noise
 * @param noise           of all images; from its first draw on whenever it is asked for, so that a job can be run again
 * @param addOns          the networks used beside the model, their pictures of this size
 */
public record Job(
        Texts prompts,
        Optional<Texts> negativePrompts,
        int width,
        int height,
        MicroConditioning size,
        MicroConditioning negativeSize,
        SamplingPlan plan,
        int refinerFrom,
        double guidance,
        double guidanceRescale,
        Optional<Picture> init,
        Supplier<Noise> noise,
        AddOns addOns) {
    /** A job on the model alone. */
    public Job(
            Texts prompts,
            Optional<Texts> negativePrompts,
            int width,
            int height,
            MicroConditioning size,
            MicroConditioning negativeSize,
            SamplingPlan plan,
            int refinerFrom,
            double guidance,
            double guidanceRescale,
            Optional<Picture> init,
            Supplier<Noise> noise) {
        this(
                prompts,
                negativePrompts,
                width,
                height,
                size,
                negativeSize,
                plan,
                refinerFrom,
                guidance,
                guidanceRescale,
                init,
                noise,
                AddOns.NONE);
    }

    /** Number of images. */
    public int images() {
        return prompts.first().size();
    }

    /** Image {@code index} of this job alone, with the noise that it has among the others. */
    Job only(int index) {
        return new Job(
                prompts.only(index),
                negativePrompts.map(each -> each.only(index)),
                width,
                height,
                size,
                negativeSize,
                plan,
                refinerFrom,
                guidance,
                guidanceRescale,
                init,
                () -> noise.get().only(index, images()),
                addOns);
    }

    /** The same job with other add-ons. */
    public Job with(AddOns others) {
        return new Job(
                prompts,
                negativePrompts,
                width,
                height,
                size,
                negativeSize,
                plan,
                refinerFrom,
                guidance,
                guidanceRescale,
                init,
                noise,
                others);
    }
}
