package dev.darkroom.bench.kernels;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.darkroom.cuda.KernelTimer;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Device;
import dev.darkroom.tensor.HostTensor;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import java.util.List;
import java.util.Random;

/**
 * What the GPU does at most, measured in the run whose results are set against it.
 *
 * @param flopsPerSecond of the largest matrix product
 * @param product        who computed it
 * @param bytesPerSecond of a copy within the device, read and written
 */
record Ceilings(double flopsPerSecond, String product, Timing productTiming, double bytesPerSecond, Timing copyTiming) {
    private static final int SIZE = 8192;
    private static final int COPY_BYTES = 1 << 30;
    private static final int WARM_UPS = 3;

    /**
     * Measures them.
     *
     * @param small whether a small product and a small copy will do, on a device whose times mean nothing
     */
    static Ceilings measure(Device device, KernelTimer timer, DType dtype, int repeat, boolean small) {
        try (Scope scope = Scope.open(device, "ceilings")) {
            Ops ops = device.ops(scope);
            KernelTimer.Bare square = KernelTimer.square(dtype, small ? 64 : SIZE);
            Tensor x = noise(ops, KernelTimer.input(square), dtype);
            Tensor weight = noise(ops, KernelTimer.weight(square), dtype);
            List<String> servers = timer.servers(square);
            String server = servers.get(servers.size() - 1); // a library, where there is one
            timer.serve(square, server);
            Timing product =
                    new Timing(timer.microseconds(run -> timer.compute(square, run, x, weight), WARM_UPS, repeat));
            Tensor from = scope.allocate(Shape.of(small ? 1 << 16 : COPY_BYTES), DType.U8);
            Tensor to = scope.allocate(from.shape(), DType.U8);
            Timing copy = new Timing(timer.microseconds(run -> timer.copy(from, to), WARM_UPS, repeat));
            return new Ceilings(
                    1e6 * KernelTimer.flops(square) / product.median(),
                    server,
                    product,
                    1e6 * 2 * from.byteSize() / copy.median(),
                    copy);
        }
    }

    /** Random numbers of some rows, repeated. */
    private static Tensor noise(Ops ops, Shape shape, DType dtype) {
        int columns = shape.dim(-1);
        Random random = new Random(2);
        float[] values = new float[64 * columns];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        Tensor piece = ops.upload(HostTensor.of("noise", Shape.of(64, columns), values), dtype);
        Tensor[] parts = new Tensor[Math.toIntExact(shape.count() / values.length)];
        java.util.Arrays.fill(parts, piece);
        Tensor all = ops.concatRows(parts);
        int[] dims = new int[shape.rank()];
        java.util.Arrays.setAll(dims, shape::dim);
        return all.reshape(dims);
    }

    /** The least time that so much arithmetic and so many bytes take, in microseconds. */
    double floor(long flops, long bytes) {
        return 1e6 * Math.max(flops / flopsPerSecond, bytes / bytesPerSecond);
    }

    ObjectNode writeTo(ObjectNode node) {
        productTiming
                .writeTo(node.putObject("product"))
                .put("by", product)
                .put("tflops", Timing.rounded(flopsPerSecond / 1e12));
        copyTiming.writeTo(node.putObject("copy")).put("gbs", Timing.rounded(bytesPerSecond / 1e9));
        return node;
    }
}
