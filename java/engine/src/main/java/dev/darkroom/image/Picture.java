package dev.darkroom.image;

import java.util.Arrays;

/** An 8-bit RGB picture; immutable. */
public final class Picture {
    private final int width;
    private final int height;
    private final byte[] rgb;

    /**
     * A picture over a copy of {@code rgb}.
     *
     * @param rgb [height, width, 3], row by row from the top
     */
    public Picture(int width, int height, byte[] rgb) {
        if (width < 1 || height < 1 || (long) width * height * 3 != rgb.length) {
            throw new IllegalArgumentException(
                    "a picture of " + width + " x " + height + " pixels cannot have " + rgb.length + " bytes");
        }
        this.width = width;
        this.height = height;
        this.rgb = rgb.clone();
    }

    public int width() {
        return width;
    }

    public int height() {
        return height;
    }

    /** The pixels [height, width, 3], as a new array. */
    public byte[] rgb() {
        return rgb.clone();
    }

    /** Channel {@code channel} (0 red, 1 green, 2 blue) of a pixel, 0 … 255. */
    public int at(int x, int y, int channel) {
        return rgb[(y * width + x) * 3 + channel] & 0xff;
    }

    /** This picture in another size, by Lanczos' filter as Pillow computes it; itself where the size is the same. */
    public Picture resize(int newWidth, int newHeight) {
        return resize(newWidth, newHeight, Resampling.LANCZOS);
    }

    /** This picture in another size, by {@code filter} as Pillow computes it; itself where the size is the same. */
    public Picture resize(int newWidth, int newHeight, Resampling filter) {
        return newWidth == width && newHeight == height
                ? this
                : new Picture(newWidth, newHeight, filter.resize(rgb, width, height, newWidth, newHeight));
    }

    /**
     * The middle of this picture in a frame of this size, black where the picture has nothing. Of an odd number of pixels to be cut off, the odd one goes at
     * the right and below; of an odd number that are missing, it is black at the left and above.
     */
    public Picture centerCrop(int newWidth, int newHeight) {
        byte[] cropped = new byte[newHeight * newWidth * 3];
        int left = Math.floorDiv(width - newWidth, 2);
        int top = Math.floorDiv(height - newHeight, 2);
        int from = Math.max(0, -left);
        int to = Math.min(newWidth, width - left);
        for (int y = Math.max(0, -top); y < Math.min(newHeight, height - top); y++) {
            System.arraycopy(rgb, ((y + top) * width + from + left) * 3, cropped, (y * newWidth + from) * 3, (to - from) * 3);
        }
        return new Picture(newWidth, newHeight, cropped);
    }

    byte[] pixels() {
        return rgb;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Picture picture && width == picture.width && Arrays.equals(rgb, picture.rgb);
    }

    @Override
    public int hashCode() {
        return 31 * width + Arrays.hashCode(rgb);
    }

    @Override
    public String toString() {
        return "picture of " + width + " x " + height;
    }
}
