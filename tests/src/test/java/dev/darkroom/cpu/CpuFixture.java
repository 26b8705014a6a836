package dev.darkroom.cpu;

import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.HalfFloats;
import dev.darkroom.tensor.HostTensor;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import java.util.function.Function;
import org.junit.jupiter.api.Assumptions;

/** A CPU device with poisoned memory, random operands that every type holds exactly, and comparisons. */
final class CpuFixture implements AutoCloseable {
    /** The types that this processor computes in. */
    static final List<DType> TYPES = computesInBf16() ? List.of(DType.F32, DType.BF16) : List.of(DType.F32);

    final CpuDevice device;
    private final Random random = new Random(17);

    CpuFixture() {
        this(2);
    }

    CpuFixture(int threads) {
        device = CpuDevice.open(threads, true);
    }

    private static boolean computesInBf16() {
        try (CpuDevice device = CpuDevice.open(1, false);
                Scope scope = Scope.open(device, "types")) {
            upload(device.ops(scope), DType.BF16, new float[] {1}, 1);
            return true;
        } catch (IllegalArgumentException refused) {
            return false;
        }
    }

    /** Skips a test where the processor does not compute in bf16. */
    static void assumeBf16() {
        Assumptions.assumeTrue(TYPES.contains(DType.BF16), "this processor computes in f32 only");
    }

    /** Runs {@code body} in a scope of its own and checks that nothing is left alive. */
    void run(Consumer<Ops> body) {
        long before = device.pool().statistics().live();
        try (Scope scope = Scope.open(device, "test")) {
            body.accept(device.ops(scope));
        }
        long left = device.pool().statistics().live() - before;
        if (left != 0) {
            throw new AssertionError(left + " bytes are still alive");
        }
    }

    /** Normal random numbers with 8 significant bits, so that bf16 holds them exactly. */
    float[] numbers(int count, double deviation) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = HalfFloats.round((float) (random.nextGaussian() * deviation), DType.BF16);
        }
        return values;
    }

    static HostTensor host(float[] values, int... dims) {
        return HostTensor.of("values", Shape.of(dims), values);
    }

    static Tensor upload(Ops ops, DType dtype, float[] values, int... dims) {
        return ops.upload(host(values, dims), dtype);
    }

    /** Fails unless the images of {@code compute} over n copies and neighbours have the bits of the image alone. */
    void assertImagesAlone(int images, int perImage, Function<float[], float[]> compute) {
        float[] all = numbers(images * perImage, 1);
        float[] together = compute.apply(all);
        int size = together.length / images;
        for (int image = 0; image < images; image++) {
            float[] alone = compute.apply(Arrays.copyOfRange(all, image * perImage, (image + 1) * perImage));
            float[] among = Arrays.copyOfRange(together, image * size, (image + 1) * size);
            if (!Arrays.equals(alone, among)) {
                throw new AssertionError("image " + image + " of " + images + " differs from the same image alone");
            }
        }
    }

    /** Root mean square of the differences, relative to that of the truth; infinite where a value is no number. */
    static double error(float[] values, double[] truth) {
        if (values.length != truth.length) {
            throw new AssertionError(values.length + " values, expected " + truth.length);
        }
        double squares = 0;
        double norm = 0;
        for (int i = 0; i < values.length; i++) {
            double difference = values[i] - truth[i];
            squares += Double.isFinite(difference) ? difference * difference : Double.POSITIVE_INFINITY;
            norm += truth[i] * truth[i];
        }
        return Math.sqrt(squares / norm);
    }

    @Override
    public void close() {
        device.close();
    }
}
