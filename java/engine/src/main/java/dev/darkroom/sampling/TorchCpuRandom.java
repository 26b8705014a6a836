package dev.darkroom.sampling;

import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.HalfFloats;
import java.util.function.DoubleUnaryOperator;

/**
 * The random numbers of torch's generator on the CPU: MT19937 (Matsumoto and Nishimura 1998) and torch's own ways from words to numbers.
 *
 * <p>16 numbers and more are drawn in blocks of 16 by Box-Muller, fewer one pair at a time in double precision. Each element type draws
 * differently from the same seed.
 */
public final class TorchCpuRandom {
    private static final int SIZE = 624;
    private static final int SHIFT = 397;
    private static final int BLOCK = 16;

    private final int[] state = new int[SIZE];
    private int next = SIZE;
    private double pending = Double.NaN; // the second number of a pair, kept for the next element, even across calls

    /** A generator as {@code torch.Generator().manual_seed(seed)}; only the low 32 bits of the seed count. */
    public TorchCpuRandom(long seed) {
        state[0] = (int) seed;
        for (int i = 1; i < SIZE; i++) {
            state[i] = 1812433253 * (state[i - 1] ^ state[i - 1] >>> 30) + i;
        }
    }

    /** The next {@code count} standard normal numbers, as one call of torch.randn draws them: in the order [c, h, w] for latents. */
    public float[] normal(int count) {
        return toFloats(normal(count, () -> (word() & 0xFFFFFF) * 0x1p-24, value -> (float) value));
    }

    /** As torch.randn for float16: drawn as float32 and rounded. */
    public float[] normalHalf(int count) {
        float[] values = normal(count);
        for (int i = 0; i < count; i++) {
            values[i] = HalfFloats.round(values[i], DType.F16);
        }
        return values;
    }

    /** As torch.randn for float64. */
    public double[] normalDouble(int count) {
        return normal(count, this::uniformDouble, value -> value);
    }

    /** As torch.rand for float32: between 0 and 1. */
    public float[] uniform(int count) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (word() & 0xFFFFFF) * 0x1p-24f;
        }
        return values;
    }

    private interface Uniform {
        double next();
    }

    /** @param rounding to the element type */
    private double[] normal(int count, Uniform uniform, DoubleUnaryOperator rounding) {
        double[] values = new double[count];
        if (count < BLOCK) {
            for (int i = 0; i < count; i++) {
                values[i] = rounding.applyAsDouble(single());
            }
            return values;
        }
        for (int i = 0; i < count; i++) {
            values[i] = uniform.next();
        }
        for (int start = 0; start + BLOCK <= count; start += BLOCK) {
            boxMuller(values, start, rounding);
        }
        if (count % BLOCK != 0) { // the last 16 are drawn afresh
            for (int i = count - BLOCK; i < count; i++) {
                values[i] = uniform.next();
            }
            boxMuller(values, count - BLOCK, rounding);
        }
        return values;
    }

    private static void boxMuller(double[] values, int start, DoubleUnaryOperator rounding) {
        for (int j = start; j < start + BLOCK / 2; j++) {
            double radius = rounding.applyAsDouble(Math.sqrt(-2 * Math.log(rounding.applyAsDouble(1 - values[j]))));
            double angle = rounding.applyAsDouble(2 * Math.PI * values[j + BLOCK / 2]);
            values[j] = rounding.applyAsDouble(radius * Math.cos(angle));
            values[j + BLOCK / 2] = rounding.applyAsDouble(radius * Math.sin(angle));
        }
    }

    private double single() {
        if (!Double.isNaN(pending)) {
            double kept = pending;
            pending = Double.NaN;
            return kept;
        }
        double angle = 2 * Math.PI * uniformDouble();
        double radius = Math.sqrt(-2 * Math.log1p(-uniformDouble()));
        pending = radius * Math.sin(angle);
        return radius * Math.cos(angle);
    }

    private double uniformDouble() {
        long high = word();
        long low = Integer.toUnsignedLong(word());
        return ((high << 32 | low) & (1L << 53) - 1) * 0x1p-53;
    }

    private int word() {
        if (next == SIZE) {
            twist();
            next = 0;
        }
        int y = state[next++];
        y ^= y >>> 11;
        y ^= y << 7 & 0x9D2C5680;
        y ^= y << 15 & 0xEFC60000;
        return y ^ y >>> 18;
    }

    private void twist() {
        for (int i = 0; i < SIZE; i++) {
            int mixed = state[i] & 0x80000000 | state[(i + 1) % SIZE] & 0x7FFFFFFF;
            int twisted = mixed >>> 1 ^ ((mixed & 1) == 0 ? 0 : 0x9908B0DF);
            state[i] = state[(i + SHIFT) % SIZE] ^ twisted;
        }
    }

    private static float[] toFloats(double[] values) {
        float[] floats = new float[values.length];
        for (int i = 0; i < floats.length; i++) {
            floats[i] = (float) values[i];
        }
        return floats;
    }
}
