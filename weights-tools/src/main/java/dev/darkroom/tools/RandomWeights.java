package dev.darkroom.tools;

import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.HostTensor;
import dev.darkroom.tensor.Shape;
import dev.darkroom.weights.TensorViews;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.SplittableRandom;

/**
 * Random weights that keep activations at a sane scale: matrices and kernels are normal with variance 1 / fan-in, those that end a
 * residual branch smaller, gains are 1 and biases 0.
 *
 * <p>Each value is drawn from a table of 65536 normal ones by 16 random bits: a table once rounded costs a load for each weight, so a
 * checkpoint is written about as fast as the disk takes it.
 */
final class RandomWeights {
    private static final int TABLE = 1 << 16;

    /** A branch of variance 0.1 beside a stream of variance 1: some forty of them in a row leave it within one order of magnitude. */
    private static final float RESIDUAL_GAIN = 0.3f;

    private static final List<String> RESIDUAL_ENDS = List.of(
            ".conv2.weight",
            ".to_out.0.weight",
            ".ff.net.2.weight",
            ".proj_out.weight",
            ".fc2.weight",
            ".out_proj.weight");

    private final long seed;
    private final DType dtype;
    private final float[] normal = new float[TABLE];
    private final ThreadLocal<ByteBuffer> buffers = ThreadLocal.withInitial(() -> ByteBuffer.allocateDirect(0));

    /** Weights of type {@code dtype}; the same {@code seed} gives the same weights, on any number of cores. */
    RandomWeights(long seed, DType dtype) {
        this.seed = seed;
        this.dtype = dtype;
        Random random = new Random(seed);
        for (int i = 0; i < TABLE; i += 2) {
            normal[i] = (float) random.nextGaussian();
            normal[i + 1] = -normal[i]; // so that the mean is 0
        }
    }

    /** A tensor for each of these names and shapes; values are drawn when they are read. */
    Map<String, HostTensor> tensors(Map<String, Shape> shapes) {
        Map<String, HostTensor> tensors = new LinkedHashMap<>();
        shapes.forEach((name, shape) -> tensors.put(name, tensor(name, shape)));
        return tensors;
    }

    private HostTensor tensor(String name, Shape shape) {
        int bytes = Math.toIntExact(shape.count() * dtype.bytes());
        return new HostTensor(name, shape, dtype, reader -> {
            ByteBuffer values = buffer(bytes);
            if (shape.rank() == 1) {
                float[] same = new float[shape.dim(0)];
                Arrays.fill(same, name.endsWith(".weight") ? 1 : 0);
                TensorViews.putFloats(same, dtype, values);
                values.flip();
            } else {
                draw(name, deviation(name, shape), values);
            }
            reader.accept(values);
        });
    }

    /** A buffer that the thread uses for one tensor after another: fresh memory costs several times what drawing costs. */
    private ByteBuffer buffer(int bytes) {
        if (buffers.get().capacity() < bytes) {
            buffers.set(ByteBuffer.allocateDirect(bytes).order(ByteOrder.LITTLE_ENDIAN));
        }
        return buffers.get().clear().limit(bytes);
    }

    /** The standard deviation of a matrix [out, in] or kernel [out, in, kh, kw]. */
    static float deviation(String name, Shape shape) {
        if (name.endsWith("token_embedding.weight")) {
            return 1;
        }
        if (name.endsWith("position_embedding.weight")) {
            return 0.1f; // the text should matter more than the place
        }
        double fanIn = (double) shape.count() / shape.dim(0);
        return (float) ((RESIDUAL_ENDS.stream().anyMatch(name::endsWith) ? RESIDUAL_GAIN : 1) / Math.sqrt(fanIn));
    }

    private void draw(String name, float deviation, ByteBuffer values) {
        float[] scaled = new float[TABLE];
        for (int i = 0; i < TABLE; i++) {
            scaled[i] = normal[i] * deviation;
        }
        ByteBuffer table = ByteBuffer.allocate(TABLE * dtype.bytes()).order(ByteOrder.LITTLE_ENDIAN);
        TensorViews.putFloats(scaled, dtype, table);
        table.flip();
        SplittableRandom random = new SplittableRandom(seed ^ (long) name.hashCode() << 32);
        if (dtype == DType.F32) {
            float[] floats = new float[TABLE];
            table.asFloatBuffer().get(floats);
            fill(random, floats, values);
        } else {
            short[] halves = new short[TABLE];
            table.asShortBuffer().get(halves);
            fill(random, halves, values);
        }
    }

    private static void fill(SplittableRandom random, short[] table, ByteBuffer values) {
        long bits = 0;
        for (int at = 0; at < values.limit(); at += Short.BYTES) {
            bits = at % (4 * Short.BYTES) == 0 ? random.nextLong() : bits >>> 16;
            values.putShort(at, table[(int) bits & TABLE - 1]);
        }
    }

    private static void fill(SplittableRandom random, float[] table, ByteBuffer values) {
        long bits = 0;
        for (int at = 0; at < values.limit(); at += Float.BYTES) {
            bits = at % (4 * Float.BYTES) == 0 ? random.nextLong() : bits >>> 16;
            values.putFloat(at, table[(int) bits & TABLE - 1]);
        }
    }
}
