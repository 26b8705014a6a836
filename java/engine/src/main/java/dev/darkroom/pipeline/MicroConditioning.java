package dev.darkroom.pipeline;

/**
 * What SDXL is told of a picture's size and origin beside the text (Podell et al. 2023, section 2.2), in pixels.
 *
 * @param originalHeight height of the picture before it was brought to the size of training
 * @param originalWidth  its width
 * @param cropTop        how much was cut off at the top
 * @param cropLeft       how much was cut off on the left
 * @param targetHeight   height of the picture to be made
 * @param targetWidth    its width
 * @param aestheticScore how beautiful it is, 0 to 10; the refiner is told this instead of the target size
 */
public record MicroConditioning(
        int originalHeight,
        int originalWidth,
        int cropTop,
        int cropLeft,
        int targetHeight,
        int targetWidth,
        double aestheticScore) {
    /** The score that prompts have where none is given. */
    public static final double AESTHETIC_SCORE = 6;

    /** The score that negative prompts have where none is given. */
    public static final double NEGATIVE_AESTHETIC_SCORE = 2.5;

    /** Of a picture of this size that is whole and was never scaled. */
    public static MicroConditioning of(int height, int width, double aestheticScore) {
        return new MicroConditioning(height, width, 0, 0, height, width, aestheticScore);
    }

    /** The numbers in the order in which a U-Net takes them: six in SDXL's base model, five in its refiner. */
    float[] numbers(int count) {
        return switch (count) {
            case 6 -> new float[] {originalHeight, originalWidth, cropTop, cropLeft, targetHeight, targetWidth};
            case 5 -> new float[] {originalHeight, originalWidth, cropTop, cropLeft, (float) aestheticScore};
            default ->
                throw new IllegalArgumentException("the U-Net takes " + count
                        + " numbers beside the pooled text; SDXL's base model takes 6, its refiner 5");
        };
    }
}
