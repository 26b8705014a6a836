package dev.darkroom.tensor;

/** Changes between channels first, [n, c, h, w], as torch draws noise and files hold pictures, and our channels last, [n, h, w, c]. */
public final class ChannelOrder {
    private ChannelOrder() {}

    /** values [n, c, h, w] → [n, h, w, c], as a new array. */
    public static float[] toChannelsLast(float[] values, int n, int c, int h, int w) {
        return transposed(values, n, c, h * w);
    }

    /** values [n, h, w, c] → [n, c, h, w], as a new array. */
    public static float[] toChannelsFirst(float[] values, int n, int h, int w, int c) {
        return transposed(values, n, h * w, c);
    }

    /** [n, rows, columns] → [n, columns, rows]. */
    private static float[] transposed(float[] values, int n, int rows, int columns) {
        float[] result = new float[values.length];
        for (int image = 0; image < n; image++) {
            int start = image * rows * columns;
            for (int row = 0; row < rows; row++) {
                for (int column = 0; column < columns; column++) {
                    result[start + column * rows + row] = values[start + row * columns + column];
                }
            }
        }
        return result;
    }
}
