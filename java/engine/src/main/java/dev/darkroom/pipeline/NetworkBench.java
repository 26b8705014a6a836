package dev.darkroom.pipeline;

import dev.darkroom.models.clip.ClipTextEncoder;
import dev.darkroom.models.unet.Conditioning;
import dev.darkroom.models.unet.TimeTable;
import dev.darkroom.models.unet.UNet;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Device;
import dev.darkroom.tensor.HostTensor;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Recording;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;

/** The networks of a model one by one, on random input made once, for measurements; each pass is timed until the device is done. */
public final class NetworkBench {
    private static final long SEED = 1;
    private static final int TOKENS = 77;

    private final Device device;
    private final Networks networks;
    private final DType dtype;

    /**
     * How often a pass is made.
     *
     * @param warmup  passes before those that are timed; where a device records, the second of all is recorded
     * @param timed   at most so many timed passes
     * @param seconds after so many seconds of timed passes no further one begins
     */
    public record Repeats(int warmup, int timed, double seconds) {
        public Repeats {
            if (warmup < 0 || timed < 1) {
                throw new IllegalArgumentException(
                        "repeat is " + timed + " and warmup " + warmup + "; must be at least 1 and 0");
            }
        }

        /** So many of each, however long they take. */
        public static Repeats of(int warmup, int timed) {
            return new Repeats(warmup, timed, Double.POSITIVE_INFINITY);
        }
    }

    /** @param networks loaded onto {@code device}, to compute in {@code dtype} */
    public NetworkBench(Device device, Networks networks, DType dtype) {
        this.device = device;
        this.networks = networks;
        this.dtype = dtype;
    }

    /** What a recorded pass depends on. */
    private record Pass(UNet unet) {}

    /**
     * U-Net passes over latents [batch, height, width, c] and texts of 77 tokens, recorded where the device can: what a step repeats, and no more.
     * Returns the seconds of each.
     */
    public double[] unet(int batch, int height, int width, Repeats repeats) {
        UNet unet = networks.unet();
        try (Scope scope = Scope.open(device, "bench")) {
            Ops ops = device.ops(scope);
            Tensor latents =
                    random(ops, DType.F32, batch, height, width, unet.config().inChannels());
            Tensor context = random(
                    ops, dtype, batch, TOKENS, unet.config().contextWidths().get(0));
            Conditioning conditioning = condition(ops, unet, context);
            TimeTable times = unet.times(ops, new float[][] {{500}}, conditioning);
            List<Tensor> constants = new ArrayList<>(conditioning.tensors());
            constants.add(times.order());
            Recording pass = ops.recording("pass", new Pass(unet), constants, (s, fixed, inputs) -> {
                int last = fixed.size() - 1;
                TimeTable.Time time = times.at(s, inputs.get(1), fixed.get(last));
                return List.of(unet.forward(s, inputs.get(0), time, conditioning.with(fixed.subList(0, last))));
            });
            return seconds(scope, repeats, s -> pass.run(s, List.of(latents, times.step(0))));
        }
    }

    /** Decoding latents [batch, height, width, c]. Returns the seconds of each pass. */
    public double[] vaeDecode(int batch, int height, int width, Repeats repeats) {
        try (Scope scope = Scope.open(device, "bench")) {
            Ops ops = device.ops(scope);
            Tensor latents = random(
                    ops,
                    DType.F32,
                    batch,
                    height,
                    width,
                    networks.vae().config().latentChannels());
            return seconds(scope, repeats, s -> networks.vae().decode(s, latents));
        }
    }

    /** Encoding {@code batch} texts of 77 tokens with every text encoder. Returns the seconds of each pass. */
    public double[] text(int batch, Repeats repeats) {
        try (Scope scope = Scope.open(device, "bench")) {
            return seconds(scope, repeats, s -> {
                for (ClipTextEncoder encoder : networks.textEncoders()) {
                    int[][] ids = new int[batch][TOKENS];
                    Arrays.setAll(ids, row -> new Random(SEED + row)
                            .ints(TOKENS, 0, encoder.config().vocabulary())
                            .toArray());
                    encoder.encode(s, ids);
                }
            });
        }
    }

    private static Conditioning condition(Ops ops, UNet unet, Tensor context) {
        int batch = context.dim(0);
        if (unet.config().addedWidth() == 0) {
            return unet.condition(ops, context);
        }
        int pooled = unet.config().addedWidth() - 6 * unet.config().addedTimeWidth();
        return unet.condition(
                ops, context, random(ops, context.dtype(), batch, pooled), random(ops, DType.F32, batch, 6));
    }

    /** Times {@code pass}, each in a scope of its own. */
    private double[] seconds(Scope scope, Repeats repeats, Consumer<Ops> pass) {
        for (int i = 0; i < repeats.warmup(); i++) {
            run(scope, pass);
        }
        List<Double> seconds = new ArrayList<>();
        double sum = 0;
        while (seconds.isEmpty() || seconds.size() < repeats.timed() && sum < repeats.seconds()) {
            device.synchronize();
            long begun = System.nanoTime();
            run(scope, pass);
            device.synchronize();
            seconds.add((System.nanoTime() - begun) / 1e9);
            sum += seconds.get(seconds.size() - 1);
        }
        return seconds.stream().mapToDouble(Double::doubleValue).toArray();
    }

    private void run(Scope scope, Consumer<Ops> pass) {
        try (Scope inner = scope.child("pass")) {
            pass.accept(device.ops(inner));
        }
    }

    private static Tensor random(Ops ops, DType dtype, int... dims) {
        Shape shape = Shape.of(dims);
        Random random = new Random(SEED);
        float[] values = new float[(int) shape.count()];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return ops.upload(HostTensor.of("random", shape, values), dtype);
    }
}
