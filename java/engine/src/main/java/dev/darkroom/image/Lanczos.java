package dev.darkroom.image;

/**
 * Resizing by a windowed sinc of three lobes, wider by the scale when the picture shrinks; horizontally, then vertically, in the 8-bit fixed-point
 * arithmetic of Pillow, so that results are the same bit for bit.
 */
final class Lanczos {
    private static final double LOBES = 3;
    private static final int PRECISION = 32 - 8 - 2; // bits of a coefficient, so that sums of 8-bit values fit in 32

    private Lanczos() {}

    /** rgb [height, width, 3] → [newHeight, newWidth, 3]. */
    static byte[] resize(byte[] rgb, int width, int height, int newWidth, int newHeight) {
        byte[] wide = newWidth == width ? rgb : horizontal(rgb, width, height, newWidth);
        return newHeight == height ? wide : vertical(wide, newWidth, height, newHeight);
    }

    private static byte[] horizontal(byte[] from, int width, int height, int newWidth) {
        byte[] to = new byte[height * newWidth * 3];
        for (int x = 0; x < newWidth; x++) {
            Window window = new Window(x, width, newWidth);
            for (int y = 0; y < height; y++) {
                for (int c = 0; c < 3; c++) {
                    to[(y * newWidth + x) * 3 + c] = window.apply(from, (y * width) * 3 + c, 3);
                }
            }
        }
        return to;
    }

    private static byte[] vertical(byte[] from, int width, int height, int newHeight) {
        byte[] to = new byte[newHeight * width * 3];
        for (int y = 0; y < newHeight; y++) {
            Window window = new Window(y, height, newHeight);
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

        Window(int index, int size, int newSize) {
            double scale = (double) size / newSize;
            double filterScale = Math.max(scale, 1);
            double support = LOBES * filterScale;
            double center = (index + 0.5) * scale;
            first = Math.max(0, (int) (center - support + 0.5));
            int last = Math.min(size, (int) (center + support + 0.5));
            double[] exact = new double[last - first];
            double sum = 0;
            for (int i = 0; i < exact.length; i++) {
                exact[i] = lanczos((i + first - center + 0.5) / filterScale);
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

        private static double lanczos(double x) {
            return Math.abs(x) < LOBES ? sinc(x) * sinc(x / LOBES) : 0;
        }

        private static double sinc(double x) {
            return x == 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI);
        }
    }
}
