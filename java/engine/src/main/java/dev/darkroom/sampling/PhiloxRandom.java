package dev.darkroom.sampling;

/**
 * The normal numbers of torch on CUDA devices: Philox4x32-10 (Salmon et al. 2011) and the first number of a Box-Muller pair.
 *
 * <p>Element i of call k has the counter (k, 0, i, 0) and the seed as key. Holds for as many elements as a device has threads at once.
 */
public final class PhiloxRandom implements RandomStream {
    private static final int ROUNDS = 10;
    private static final long MULTIPLIER_0 = 0xD2511F53L;
    private static final long MULTIPLIER_1 = 0xCD9E8D57L;
    private static final int WEYL_0 = 0x9E3779B9;
    private static final int WEYL_1 = 0xBB67AE85;

    private final long seed;
    private int call;

    public PhiloxRandom(long seed) {
        this.seed = seed;
    }

    @Override
    public float[] normal(int count) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) normalAt(i);
        }
        call++;
        return values;
    }

    /** The four 32-bit words of an element of the next call, which {@link #normal} makes its number of; unsigned. */
    public long[] words(int element) {
        int c0 = call;
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

    private double normalAt(int element) {
        long[] words = words(element);
        double u = words[0] * 0x1p-32 + 0x1p-33;
        double v = (words[1] * 0x1p-32 + 0x1p-33) * 2 * Math.PI;
        return Math.sqrt(-2 * Math.log(u)) * Math.sin(v);
    }
}
