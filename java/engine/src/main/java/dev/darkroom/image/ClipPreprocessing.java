package dev.darkroom.image;

import java.util.Optional;

/**
 * What a picture becomes before CLIP's image encoder sees it, exactly as CLIPImageProcessor of transformers computes it with Pillow: resized, cut to
 * its middle, made numbers, normalised.
 *
 * @param resize  empty where the picture keeps its size
 * @param crop    the size of the middle that is kept; empty where all of it is
 * @param rescale what 8-bit values are multiplied by: 1 / 255
 * @param mean    of red, green and blue, subtracted after that
 * @param std     of red, green and blue, divided by then
 */
public record ClipPreprocessing(
        Optional<Resize> resize, Optional<Size> crop, double rescale, Channels mean, Channels std) {
    private static final long MAX_PIXELS = 64L << 20; // as many as a picture that is read may have

    /** Width and height in pixels. */
    public record Size(int width, int height) {}

    /** A number for each channel. */
    public record Channels(float red, float green, float blue) {
        float at(int channel) {
            return channel == 0 ? red : channel == 1 ? green : blue;
        }
    }

    /**
     * To which size, and how.
     *
     * @param shortestEdge the shorter edge of the result, which keeps the picture's proportions; 0 for {@code exact}
     * @param exact        the result's size whatever the proportions, where {@code shortestEdge} is 0
     */
    public record Resize(int shortestEdge, Size exact, Resampling filter) {
        Picture apply(Picture picture) {
            if (shortestEdge == 0) {
                return picture.resize(exact.width, exact.height, filter);
            }
            long shorter = Math.min(picture.width(), picture.height());
            long longEdge = shortestEdge * (long) Math.max(picture.width(), picture.height()) / shorter;
            if (longEdge * shortestEdge > MAX_PIXELS) {
                throw new ImageException("a picture of " + picture.width() + " x " + picture.height()
                        + " pixels is too elongated for CLIP: it would be resized to " + longEdge + " x " + shortestEdge
                        + "; cut it to the part that matters");
            }
            return picture.width() <= picture.height()
                    ? picture.resize(shortestEdge, (int) longEdge, filter)
                    : picture.resize((int) longEdge, shortestEdge, filter);
        }
    }

    /** The picture resized and cut, before it becomes numbers. @throws ImageException when it is so elongated that resized it would not fit into memory */
    public Picture crop(Picture picture) {
        Picture resized = resize.isPresent() ? resize.get().apply(picture) : picture;
        return crop.isPresent() ? resized.centerCrop(crop.get().width, crop.get().height) : resized;
    }

    /** The numbers [height, width, 3] of a picture that {@link #crop} gave. */
    public float[] normalise(Picture cropped) {
        byte[] rgb = cropped.pixels();
        float[] values = new float[rgb.length];
        for (int i = 0; i < values.length; i++) {
            float value = (float) ((rgb[i] & 0xff) * rescale); // in double, rounded once, as numpy does
            values[i] = (value - mean.at(i % 3)) / std.at(i % 3);
        }
        return values;
    }
}
