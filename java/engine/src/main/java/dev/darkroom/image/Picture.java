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
        return newWidth == width && newHeight == height
                ? this
                : new Picture(newWidth, newHeight, Lanczos.resize(rgb, width, height, newWidth, newHeight));
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
