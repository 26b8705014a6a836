package dev.darkroom.cuda;

import dev.darkroom.cuda.ServingTable.Choice;
import dev.darkroom.tensor.Conv2dWeight;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Device;
import dev.darkroom.tensor.HostTensor;
import dev.darkroom.tensor.OutOfDeviceMemoryException;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.function.BiConsumer;
import java.util.stream.Collectors;
import java.util.zip.CRC32C;

/**
 * Times on the device what could serve a product, with its bias, and names the fastest: our own kernels by rule of thumb, with each tile and some splits of
 * the depth, and libraries; for the two images of a picture with guidance. The tile is then chosen for larger batches too, the split being kept.
 *
 * <p>Whatever is to take the rule's place must give an image the same bits alone and among others, and be faster by more than measurements vary; so that
 * the same machine comes to the same table. Operands stay in the L2 cache where they fit. Not yet run on a GPU.
 */
final class ProductTuner {
    private static final int WARM_UPS = 2;
    private static final int TIMINGS = 5;
    private static final int CALLS = 10; // in a timing: a launch is shorter than an event is exact
    private static final double WORTH_IT = 0.97; // of our own kernels' time
    private static final int NOISE = 1 << 18; // numbers, repeated where a tensor has more
    private static final int IMAGES = 2; // a picture with guidance
    private static final List<Integer> LARGER_BATCHES = List.of(8, 32);
    private static final List<Integer> SPLITS = List.of(1, 2, 3, 4, 6, 8, 12, 16);
    private static final int LEAST_SLICES = 8; // of a split, below which adding up takes longer than it saves

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
            Tensor x = noise(scope, product.dtype(), input(product, IMAGES));
            Map<Choice, String> times = new LinkedHashMap<>();
            Choice best = Choice.OWN;
            double least = 0;
            for (Choice choice : alternatives(product)) {
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
            if (!best.schedule().tiles().isEmpty()) {
                best = forLargerBatches(product, best, computation);
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

    /** Our own kernels by rule of thumb, and by each tile and split; then the libraries. */
    private List<Choice> alternatives(Product product) {
        List<Choice> all = new ArrayList<>(engine.libraries.alternatives(product));
        List<Choice> schedules = new ArrayList<>();
        int most = Math.max(1, DepthSplits.slices(product.depth(), product.dtype()) / LEAST_SLICES);
        for (int split : SPLITS.stream().filter(split -> split <= most).toList()) {
            for (ProductTile tile : ProductTile.serving(engine.gpu, product.dtype())) {
                schedules.add(Choice.own(Schedule.of(split, tile)));
            }
        }
        schedules.removeIf(
                choice -> !choice.schedule().problem(product, engine.gpu).isEmpty());
        if (schedules.size() > 1) { // else the rule has no choice either
            all.addAll(1, schedules);
        }
        return all;
    }

    /** The choice with the fastest tiles for batches that fit into memory. */
    private Choice forLargerBatches(Product product, Choice choice, BiConsumer<Tensor, Tensor> computation) {
        Schedule schedule = choice.schedule();
        for (int images : LARGER_BATCHES) {
            try (Scope scope = Scope.open(device, "tune")) {
                Tensor x = noise(scope, product.dtype(), input(product, images));
                ProductTile kept =
                        Objects.requireNonNull(schedule.tiles().lastEntry()).getValue();
                ProductTile best = kept;
                engine.libraries.prescribe(product, Choice.own(Schedule.of(schedule.split(), kept)));
                double least = WORTH_IT * microseconds(scope, product, computation, x);
                for (ProductTile tile : ProductTile.serving(engine.gpu, product.dtype())) {
                    engine.libraries.prescribe(product, Choice.own(Schedule.of(schedule.split(), tile)));
                    double time = microseconds(scope, product, computation, x);
                    if (time < least) {
                        best = tile;
                        least = time;
                    }
                }
                schedule = best == kept ? schedule : schedule.from(images, best);
            } catch (OutOfDeviceMemoryException e) {
                break; // nor can larger ones be computed here
            }
        }
        return Choice.own(schedule);
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

    /** The median of the timings, for the images of x. */
    private double microseconds(Scope scope, Product product, BiConsumer<Tensor, Tensor> computation, Tensor x) {
        try (Scope scratch = scope.child("timing");
                StreamTimer timer = new StreamTimer(engine.stream)) {
            Tensor y = scratch.allocate(output(product, x.dim(0)), product.dtype());
            for (int i = 0; i < WARM_UPS; i++) {
                computation.accept(x, y);
            }
            List<Double> times = new ArrayList<>();
            for (int i = 0; i < TIMINGS; i++) {
                timer.start();
                for (int call = 0; call < CALLS; call++) {
                    computation.accept(x, y);
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
            Tensor together = scratch.allocate(output(product, IMAGES), product.dtype());
            Tensor apart = scratch.allocate(output(product, IMAGES), product.dtype());
            computation.accept(x, together);
            for (int image = 0; image < IMAGES; image++) {
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
