package dev.darkroom.image;

/**
 * Resizing by a filter that is wider by the scale when the picture shrinks; horizontally, then vertically, in the 8-bit fixed-point arithmetic of
 * Pillow, so that results are the same bit for bit.
 */
public enum Resampling {
    /** A sinc windowed by another, of three lobes. */
    LANCZOS(3) {
        @Override
        double weight(double x) {
            return Math.abs(x) < 3 ? sinc(x) * sinc(x / 3) : 0;
        }
    },

    /** Straight lines from pixel to pixel. */
    BILINEAR(1) {
        @Override
        double weight(double x) {
            return Math.max(0, 1 - Math.abs(x));
        }
    },

    /** Keys' cubic convolution with a = -0.5 (Keys 1981, eq. 15). */
    BICUBIC(2) {
        @Override
        double weight(double x) {
            double d = Math.abs(x);
            if (d < 1) {
                return ((SLOPE + 2) * d - (SLOPE + 3)) * d * d + 1;
            }
            return d < 2 ? (((d - 5) * d + 8) * d - 4) * SLOPE : 0;
        }
    };

    private static final double SLOPE = -0.5;
    private static final int PRECISION = 32 - 8 - 2; // bits of a coefficient, so that sums of 8-bit values fit in 32

    private final double support;

    Resampling(double support) {
        this.support = support;
    }

    /** The filter at {@code x}, in pixels; 0 beyond its support. */
    abstract double weight(double x);

    /** rgb [height, width, 3] → [newHeight, newWidth, 3]. */
    byte[] resize(byte[] rgb, int width, int height, int newWidth, int newHeight) {
        byte[] wide = newWidth == width ? rgb : horizontal(rgb, width, height, newWidth);
        return newHeight == height ? wide : vertical(wide, newWidth, height, newHeight);
    }

    private byte[] horizontal(byte[] from, int width, int height, int newWidth) {
        byte[] to = new byte[height * newWidth * 3];
        for (int x = 0; x < newWidth; x++) {
            Window window = new Window(this, x, width, newWidth);
            for (int y = 0; y < height; y++) {
                for (int c = 0; c < 3; c++) {
                    to[(y * newWidth + x) * 3 + c] = window.apply(from, (y * width) * 3 + c, 3);
                }
            }
        }
        return to;
    }

    private byte[] vertical(byte[] from, int width, int height, int newHeight) {
        byte[] to = new byte[newHeight * width * 3];
        for (int y = 0; y < newHeight; y++) {
            Window window = new Window(this, y, height, newHeight);
            for (int i = 0; i < width * 3; i++) {
                to[y * width * 3 + i] = window.apply(from, i, width * 3);
            }
        }
        return to;
    }

    /** The weights of the source pixels that one pixel of the result is made of. */
    private static final class Window {
        private final int first;
        private final int[] weights;

        Window(Resampling filter, int index, int size, int newSize) {
            double scale = (double) size / newSize;
            double filterScale = Math.max(scale, 1);
            double support = filter.support * filterScale;
            double narrowing = 1 / filterScale; // multiplied with, as Pillow does: a division rounds otherwise
            double center = (index + 0.5) * scale;
            first = Math.max(0, (int) (center - support + 0.5));
            int last = Math.min(size, (int) (center + support + 0.5));
            double[] exact = new double[last - first];
            double sum = 0;
            for (int i = 0; i < exact.length; i++) {
                exact[i] = filter.weight((i + first - center + 0.5) * narrowing);
                sum += exact[i];
            }
            weights = new int[exact.length];
            for (int i = 0; i < exact.length; i++) {
                double weight = exact[i] / sum * (1 << PRECISION);
                weights[i] = (int) (weight < 0 ? weight - 0.5 : weight + 0.5);
            }
        }

        byte apply(byte[] from, int offset, int stride) {
            int sum = 1 << PRECISION - 1;
            for (int i = 0; i < weights.length; i++) {
                sum += (from[offset + (first + i) * stride] & 0xff) * weights[i];
            }
            return (byte) Math.max(0, Math.min(255, sum >> PRECISION));
        }
    }

    private static double sinc(double x) {
        return x == 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI);
    }
}
