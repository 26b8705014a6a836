package dev.darkroom.cuda;

import dev.darkroom.cuda.ServingTable.Choice;
import dev.darkroom.tensor.Conv2dWeight;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Device;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;

/**
 * Times work on a CUDA device by its events, each time with a cold L2 cache, and chooses who computes products.
 *
 * <p>Before each timing a buffer that is larger than the cache is filled. While the device does so the host queues events and work, so that gaps between
 * launches are not measured unless work is longer to queue than the fill takes.
 */
public final class KernelTimer implements AutoCloseable {
    private final CudaDevice device;
    private final CudaEngine engine;
    private final Scope scope;
    private final Tensor flushed;
    private final StreamTimer timer;

    /**
     * A matrix product or a convolution without anything that follows it.
     *
     * @param images of the batch
     */
    public record Bare(Product product, int images) {
        @Override
        public String toString() {
            return product + " images=" + images;
        }
    }

    /**
     * A timer.
     *
     * @param flushBytes more than the L2 cache holds
     * @throws IllegalArgumentException when the device is none of CUDA's
     */
    public KernelTimer(Device device, int flushBytes) {
        if (!(device instanceof CudaDevice cuda)) {
            throw new IllegalArgumentException(
                    "kernels are timed by a CUDA device's events; " + device.name() + " has none: give --device cuda");
        }
        this.device = cuda;
        engine = cuda.engine();
        scope = Scope.open(device, "timer");
        flushed = scope.allocate(Shape.of(flushBytes), DType.U8);
        timer = new StreamTimer(engine.stream);
    }

    /** The GPU's name. */
    public String gpu() {
        return device.gpu().name();
    }

    /** Its compute capability: 8.0. */
    public String capability() {
        return device.gpu().capabilityText();
    }

    /** Timings of {@code work} in microseconds, sorted. It is given a scope that ends with each run. */
    public double[] microseconds(Consumer<Scope> work, int warmUps, int count) {
        double[] times = new double[count];
        for (int i = -warmUps; i < count; i++) {
            try (Scope run = scope.child("run")) {
                engine.stream.fill(flushed.address(), (byte) i, flushed.byteSize());
                timer.start();
                work.accept(run);
                double time = timer.microseconds();
                if (i >= 0) {
                    times[i] = time;
                }
            }
        }
        Arrays.sort(times);
        return times;
    }

    /** Queues a copy of one tensor to another. */
    public void copy(Tensor from, Tensor to) {
        engine.stream.copy(from.address(), to.address(), from.byteSize());
    }

    // ---- who computes products ----

    /** Has the device's table decide again, and forgets which products were asked for. */
    public void forget() {
        engine.libraries.forget();
    }

    /** What could serve the products that were asked for since {@link #forget}, as serving tables spell it; our own kernels first. */
    public Set<String> servers() {
        Set<String> servers = new LinkedHashSet<>();
        for (Product product : engine.libraries.products()) {
            engine.libraries.alternatives(product).forEach(choice -> servers.add(choice.toString()));
        }
        return servers;
    }

    /** Has the products that were asked for since {@link #forget} served so from now on; those that cannot be, by our own kernels. */
    public void serve(String server) {
        for (Product product : engine.libraries.products()) {
            serve(product, server);
        }
    }

    private void serve(Product product, String server) {
        Choice choice = engine.libraries.alternatives(product).stream()
                .filter(each -> each.toString().equals(server))
                .findFirst()
                .orElse(Choice.OWN);
        engine.libraries.prescribe(product, choice);
    }

    /** The products that were asked for since {@link #forget}, of a batch of images, without what follows them. */
    public List<Bare> bareProducts(int images) {
        return engine.libraries.products().stream()
                .filter(product -> product.kind() != Product.Kind.GEGLU)
                .map(product -> new Bare(product, images))
                .toList();
    }

    /** A product [size, size] · [size, size]ᵀ. */
    public static Bare square(DType dtype, int size) {
        return new Bare(Product.linear(dtype, size, size, size), 1);
    }

    /** What could serve a product, as serving tables spell it; our own kernels first. */
    public List<String> servers(Bare bare) {
        return engine.libraries.alternatives(bare.product).stream()
                .map(Choice::toString)
                .toList();
    }

    /** Has a product served so from now on. */
    public void serve(Bare bare, String server) {
        serve(bare.product, server);
    }

    /** The shape of a product's input. */
    public static Shape input(Bare bare) {
        return ProductTuner.input(bare.product, bare.images);
    }

    /** The shape of a product's weight. */
    public static Shape weight(Bare bare) {
        Product product = bare.product;
        return product.kind() == Product.Kind.CONVOLUTION
                ? Shape.of(product.out(), product.kernelHeight(), product.kernelWidth(), product.in())
                : Shape.of(product.out(), product.in());
    }

    /** The type of a product. */
    public static DType dtype(Bare bare) {
        return bare.product.dtype();
    }

    /** Floating point operations of a product, two for each multiply-add. */
    public static long flops(Bare bare) {
        return 2 * bare.images * bare.product.outputs() * (weight(bare).count() / bare.product.out());
    }

    /** Queues a product; the result lies in {@code run}. */
    public void compute(Bare bare, Scope run, Tensor x, Tensor weight) {
        Product product = bare.product;
        Tensor y = run.allocate(ProductTuner.output(product, bare.images), product.dtype());
        if (product.kind() == Product.Kind.CONVOLUTION) {
            Conv2dWeight.Geometry geometry = new Conv2dWeight.Geometry(
                    product.stride(), product.paddingBefore(), product.paddingAfter(), /* upsampled= */ false);
            engine.convolution.convolution(run, x, weight, geometry, Epilogue.of(null), y);
        } else {
            engine.gemm.linear(run, x, weight, Epilogue.of(null), y);
        }
    }

    @Override
    public void close() {
        try (timer;
                scope) {
            engine.libraries.forget();
        }
    }
}
