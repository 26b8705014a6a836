package dev.darkroom.cuda;

/** Sizes of grids. */
final class Grids {
    /** The most blocks that a grid has in its second and third dimension. */
    static final int MOST_Y = 65535;

    private Grids() {}

    /** How many blocks of {@code each} it takes for {@code count}. */
    static int blocks(long count, int each) {
        return Math.toIntExact((count + each - 1) / each);
    }

    /** Whether all of these addresses and sizes are multiples of 16 bytes. */
    static boolean inPacks(long... values) {
        for (long value : values) {
            if (value % 16 != 0) {
                return false;
            }
        }
        return true;
    }
}
