package dev.darkroom.sampling;

import java.util.Arrays;

/** Seeds out of seeds, as numpy's SeedSequence makes them (O'Neill 2015, seed_seq_fe), with a pool of 24 words as torchsde has it. */
final class SeedSequence {
    private static final int POOL = 24; // words

    private SeedSequence() {}

    /** The first word of the sequence of {@code entropy} and a spawn key. */
    static int first(long entropy, long... spawnKey) {
        int[] words = words(entropy, spawnKey);
        int[] pool = new int[POOL];
        Hash hash = new Hash(0x43b0d7e5, 0x931e8875);
        for (int i = 0; i < POOL; i++) {
            pool[i] = hash.of(i < words.length ? words[i] : 0);
        }
        for (int from = 0; from < POOL; from++) {
            for (int to = 0; to < POOL; to++) {
                if (from != to) {
                    pool[to] = mixed(pool[to], hash.of(pool[from]));
                }
            }
        }
        for (int from = POOL; from < words.length; from++) {
            for (int to = 0; to < POOL; to++) {
                pool[to] = mixed(pool[to], hash.of(words[from]));
            }
        }
        return new Hash(0x8b51f9dd, 0x58f38ded).of(pool[0]);
    }

    /** The entropy's words, filled up with zeros to the pool where a spawn key follows. */
    private static int[] words(long entropy, long[] spawnKey) {
        int[] words = new int[POOL + 2 * spawnKey.length];
        int count = put(words, 0, entropy);
        if (spawnKey.length > 0) {
            count = POOL;
            for (long key : spawnKey) {
                count = put(words, count, key);
            }
        }
        return Arrays.copyOf(words, count);
    }

    /** Low word first, and no high word where it is 0. */
    private static int put(int[] words, int at, long value) {
        words[at] = (int) value;
        if (value >>> 32 == 0) {
            return at + 1;
        }
        words[at + 1] = (int) (value >>> 32);
        return at + 2;
    }

    private static int mixed(int x, int y) {
        int result = 0xca01f9dd * x - 0x4973f715 * y;
        return result ^ result >>> 16;
    }

    /** A hash whose constant changes from call to call. */
    private static final class Hash {
        private int constant;
        private final int factor;

        Hash(int constant, int factor) {
            this.constant = constant;
            this.factor = factor;
        }

        int of(int value) {
            int hashed = value ^ constant;
            constant *= factor;
            hashed *= constant;
            return hashed ^ hashed >>> 16;
        }
    }
}
