package dev.darkroom.pipeline;

import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What only SDXL is told: a text of its own for the second encoder, and the sizes and scores of {@link MicroConditioning}. What is null has the field's
 * usual value.
 *
 * @param prompt2                for the second text encoder; null for the prompt
 * @param negativePrompt2        for the second text encoder; null for the negative prompt
 * @param originalSize           of the picture before it was scaled; null for the size that is made
 * @param cropTopLeft            what was cut off; null for nothing
 * @param targetSize             null for the size that is made
 * @param negativeOriginalSize   told with the negative prompt; null for what the prompt is told
 * @param negativeCropTopLeft    told with the negative prompt; null for what the prompt is told
 * @param negativeTargetSize     told with the negative prompt; null for what the prompt is told
 * @param aestheticScore         for the refiner; null for 6
 * @param negativeAestheticScore for the refiner; null for 2.5
 */
public record SdxlOptions(
        @Nullable String prompt2,
        @Nullable String negativePrompt2,
        @Nullable Size originalSize,
        @Nullable Corner cropTopLeft,
        @Nullable Size targetSize,
        @Nullable Size negativeOriginalSize,
        @Nullable Corner negativeCropTopLeft,
        @Nullable Size negativeTargetSize,
        @Nullable Double aestheticScore,
        @Nullable Double negativeAestheticScore) {
    /** Everything as usual. */
    public static final SdxlOptions NONE = new SdxlOptions(null, null, null, null, null, null, null, null, null, null);

    private static final int MOST_PIXELS = 1 << 16;

    /**
     * In pixels.
     *
     * @param width  1 or more
     * @param height 1 or more
     */
    public record Size(int width, int height) {
        @Override
        public String toString() {
            return width + "x" + height;
        }
    }

    /**
     * In pixels.
     *
     * @param top  0 or more
     * @param left 0 or more
     */
    public record Corner(int top, int left) {
        @Override
        public String toString() {
            return top + "," + left;
        }
    }

    /** The same with other texts. */
    SdxlOptions with(@Nullable String newPrompt2, @Nullable String newNegativePrompt2) {
        return new SdxlOptions(
                newPrompt2,
                newNegativePrompt2,
                originalSize,
                cropTopLeft,
                targetSize,
                negativeOriginalSize,
                negativeCropTopLeft,
                negativeTargetSize,
                aestheticScore,
                negativeAestheticScore);
    }

    /** What is told with the prompt, for a picture of this size. */
    MicroConditioning size(int width, int height) {
        Size made = new Size(width, height);
        return conditioning(
                Objects.requireNonNullElse(originalSize, made),
                Objects.requireNonNullElse(cropTopLeft, new Corner(0, 0)),
                Objects.requireNonNullElse(targetSize, made),
                Objects.requireNonNullElse(aestheticScore, MicroConditioning.AESTHETIC_SCORE));
    }

    /** What is told with the negative prompt, for a picture of this size. */
    MicroConditioning negativeSize(int width, int height) {
        MicroConditioning positive = size(width, height);
        return conditioning(
                Objects.requireNonNullElse(
                        negativeOriginalSize, new Size(positive.originalWidth(), positive.originalHeight())),
                Objects.requireNonNullElse(negativeCropTopLeft, new Corner(positive.cropTop(), positive.cropLeft())),
                Objects.requireNonNullElse(
                        negativeTargetSize, new Size(positive.targetWidth(), positive.targetHeight())),
                Objects.requireNonNullElse(negativeAestheticScore, MicroConditioning.NEGATIVE_AESTHETIC_SCORE));
    }

    private static MicroConditioning conditioning(Size original, Corner crop, Size target, double score) {
        return new MicroConditioning(
                original.height(), original.width(), crop.top(), crop.left(), target.height(), target.width(), score);
    }

    /** What is wrong with a value, or empty. */
    Optional<String> fault() {
        for (Size size : new Size[] {originalSize, targetSize, negativeOriginalSize, negativeTargetSize}) {
            if (size != null && !(isWithin(1, size.width()) && isWithin(1, size.height()))) {
                return Optional.of("a size for SDXL is " + size + "; both must be 1 to " + MOST_PIXELS);
            }
        }
        for (Corner corner : new Corner[] {cropTopLeft, negativeCropTopLeft}) {
            if (corner != null && !(isWithin(0, corner.top()) && isWithin(0, corner.left()))) {
                return Optional.of("the crop for SDXL is " + corner + "; both must be 0 to " + MOST_PIXELS);
            }
        }
        for (Double score : new Double[] {aestheticScore, negativeAestheticScore}) {
            if (score != null && !(score >= 0 && score <= 10)) { // NaN is refused too
                return Optional.of("the aesthetic score is " + score + "; must be 0 to 10");
            }
        }
        return Optional.empty();
    }

    private static boolean isWithin(int least, int pixels) {
        return pixels >= least && pixels <= MOST_PIXELS;
    }
}
