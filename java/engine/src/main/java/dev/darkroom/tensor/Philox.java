package dev.darkroom.tensor;

/**
 * The normal numbers of torch on CUDA devices, one by one: Philox4x32-10 (Salmon et al. 2011) and the first number of a Box-Muller pair.
 *
 * <p>Element i of draw k has the counter (k, 0, i, 0) and the seed as key. Any element can be had without those before it, which is why devices
 * draw them themselves ({@link Ops#normal}).
 */
public final class Philox {
    private static final int ROUNDS = 10;
    private static final long MULTIPLIER_0 = 0xD2511F53L;
    private static final long MULTIPLIER_1 = 0xCD9E8D57L;
    private static final int WEYL_0 = 0x9E3779B9;
    private static final int WEYL_1 = 0xBB67AE85;

    private Philox() {}

    /** The four 32-bit words of an element, unsigned. */
    public static long[] words(long seed, int draw, int element) {
        int c0 = draw;
        int c1 = 0;
        int c2 = element;
        int c3 = 0;
        int k0 = (int) seed;
        int k1 = (int) (seed >>> 32);
        for (int round = 0; round < ROUNDS; round++) {
            long product0 = MULTIPLIER_0 * Integer.toUnsignedLong(c0);
            long product1 = MULTIPLIER_1 * Integer.toUnsignedLong(c2);
            c0 = (int) (product1 >>> 32) ^ c1 ^ k0;
            c1 = (int) product1;
            c2 = (int) (product0 >>> 32) ^ c3 ^ k1;
            c3 = (int) product0;
            k0 += WEYL_0;
            k1 += WEYL_1;
        }
        return new long[] {
            Integer.toUnsignedLong(c0),
            Integer.toUnsignedLong(c1),
            Integer.toUnsignedLong(c2),
            Integer.toUnsignedLong(c3)
        };
    }

    /** The standard normal number of an element. */
    public static double normal(long seed, int draw, int element) {
        long[] words = words(seed, draw, element);
        double u = words[0] * 0x1p-32 + 0x1p-33;
        double v = (words[1] * 0x1p-32 + 0x1p-33) * 2 * Math.PI;
        return Math.sqrt(-2 * Math.log(u)) * Math.sin(v);
    }
}
