package dev.darkroom.cuda;

import dev.darkroom.cuda.ServingTable.Choice;
import dev.darkroom.tensor.Conv2dWeight;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Device;
import dev.darkroom.tensor.HostTensor;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.function.BiConsumer;
import java.util.stream.Collectors;
import java.util.zip.CRC32C;

/**
 * Times on the device what could serve a product, for one image with its bias, and names the fastest.
 *
 * <p>A library must give an image the same bits alone and among others, and be faster than our own kernels by more than measurements vary; so that the
 * same machine comes to the same table. Operands stay in the L2 cache where they fit. Not yet run on a GPU.
 */
final class ProductTuner {
    private static final int WARM_UPS = 2;
    private static final int TIMINGS = 5;
    private static final int CALLS = 10; // in a timing: a launch is shorter than an event is exact
    private static final double WORTH_IT = 0.97; // of our own kernels' time
    private static final int NOISE = 1 << 18; // numbers, repeated where a tensor has more

    private final Device device;
    private final CudaEngine engine;
    private final Staging staging;
    private final HostTensor noise;

    /** What was found for a product: the choice, and the time of each alternative. */
    record Finding(Product product, Choice choice, String times) {
        @Override
        public String toString() {
            return product + ": " + times + " -> " + choice;
        }
    }

    ProductTuner(Device device, CudaEngine engine, Staging staging) {
        this.device = device;
        this.engine = engine;
        this.staging = staging;
        Random random = new Random(1);
        float[] numbers = new float[NOISE];
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = (float) (0.1 * random.nextGaussian());
        }
        noise = HostTensor.of("noise", Shape.of(NOISE), numbers);
    }

    /** Finds out what serves a product best; the device does so from now on. */
    Finding tune(Product product) {
        try (Scope scope = Scope.open(device, "tune")) {
            BiConsumer<Tensor, Tensor> computation = computation(scope, product);
            Tensor x = noise(scope, product.dtype(), input(product, 2));
            Map<Choice, String> times = new LinkedHashMap<>();
            Choice best = Choice.OWN;
            double least = 0;
            for (Choice choice : engine.libraries.alternatives(product)) {
                engine.libraries.prescribe(product, choice);
                try {
                    double time = microseconds(scope, product, computation, x);
                    boolean invariant = choice.equals(Choice.OWN) || isInvariant(scope, product, computation, x);
                    times.put(
                            choice,
                            String.format(Locale.ROOT, "%.1f us", time) + (invariant ? "" : ", other bits in a batch"));
                    double bar = best.equals(Choice.OWN) ? WORTH_IT * least : least;
                    if (choice.equals(Choice.OWN) || invariant && time < bar) {
                        best = choice;
                        least = time;
                    }
                } catch (LibraryCallException e) {
                    times.put(choice, String.valueOf(e.getMessage()));
                }
            }
            engine.libraries.prescribe(product, best);
            return new Finding(
                    product,
                    best,
                    times.entrySet().stream()
                            .map(entry -> entry.getKey() + " " + entry.getValue())
                            .collect(Collectors.joining(", ")));
        }
    }

    /** Computes a product from x to y. */
    private BiConsumer<Tensor, Tensor> computation(Scope scope, Product product) {
        Tensor bias = noise(scope, DType.F32, Shape.of(product.out()));
        if (product.kind() == Product.Kind.CONVOLUTION) {
            Shape kernel = Shape.of(product.out(), product.kernelHeight(), product.kernelWidth(), product.in());
            Tensor weight = noise(scope, product.dtype(), kernel);
            Conv2dWeight.Geometry geometry = new Conv2dWeight.Geometry(
                    product.stride(), product.paddingBefore(), product.paddingAfter(), /* upsampled= */ false);
            return (x, y) -> engine.convolution.convolution(scope, x, weight, geometry, Epilogue.of(bias), y);
        }
        Tensor weight = noise(scope, product.dtype(), Shape.of(product.out(), product.in()));
        CudaLinearWeight layer = new CudaLinearWeight("noise", weight, bias);
        return product.kind() == Product.Kind.GEGLU
                ? (x, y) -> engine.gemm.geglu(scope, x, null, layer, layer, y)
                : (x, y) -> engine.gemm.linear(scope, x, weight, Epilogue.of(bias), y);
    }

    /** The median of the timings, for one image. */
    private double microseconds(Scope scope, Product product, BiConsumer<Tensor, Tensor> computation, Tensor x) {
        try (Scope scratch = scope.child("timing");
                StreamTimer timer = new StreamTimer(engine.stream)) {
            Tensor image = x.rows(0, 1);
            Tensor y = scratch.allocate(output(product, 1), product.dtype());
            for (int i = 0; i < WARM_UPS; i++) {
                computation.accept(image, y);
            }
            List<Double> times = new ArrayList<>();
            for (int i = 0; i < TIMINGS; i++) {
                timer.start();
                for (int call = 0; call < CALLS; call++) {
                    computation.accept(image, y);
                }
                times.add(timer.microseconds() / CALLS);
            }
            times.sort(null);
            return times.get(TIMINGS / 2);
        }
    }

    /** Whether two images have the same bits together as one by one. */
    private boolean isInvariant(Scope scope, Product product, BiConsumer<Tensor, Tensor> computation, Tensor x) {
        try (Scope scratch = scope.child("invariance")) {
            Tensor together = scratch.allocate(output(product, 2), product.dtype());
            Tensor apart = scratch.allocate(output(product, 2), product.dtype());
            computation.accept(x, together);
            for (int image = 0; image < 2; image++) {
                computation.accept(x.rows(image, image + 1), apart.rows(image, image + 1));
            }
            return checksum(together) == checksum(apart);
        }
    }

    private long checksum(Tensor tensor) {
        CRC32C checksum = new CRC32C();
        staging.download(tensor, checksum::update);
        return checksum.getValue();
    }

    private Tensor noise(Scope scope, DType dtype, Shape shape) {
        Tensor result = scope.allocate(shape, dtype);
        try (Scope scratch = scope.child("noise")) {
            Tensor piece = engine.uploads.tensor(scratch, noise, dtype);
            for (long start = 0; start < result.byteSize(); start += piece.byteSize()) {
                long bytes = Math.min(piece.byteSize(), result.byteSize() - start);
                engine.stream.copy(piece.address(), result.address() + start, bytes);
            }
        }
        return result;
    }

    static Shape input(Product product, int images) {
        return product.kind() == Product.Kind.CONVOLUTION
                ? Shape.of(images, product.height(), product.width(), product.in())
                : Shape.of(images, product.height(), product.in());
    }

    static Shape output(Product product, int images) {
        return product.kind() == Product.Kind.CONVOLUTION
                ? Shape.of(images, product.outputHeight(), product.outputWidth(), product.out())
                : Shape.of(images, product.height(), product.out());
    }
}
