package dev.darkroom.cuda;

/** Sizes of grids. */
final class Grids {
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
