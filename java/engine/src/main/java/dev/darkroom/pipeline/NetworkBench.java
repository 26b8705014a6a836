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

/** The networks of a model one by one, on random input, for measurements; each call returns when the device is done. */
public final class NetworkBench {
    private static final long SEED = 1;
    private static final int TOKENS = 77;

    private final Device device;
    private final Networks networks;
    private final DType dtype;

    NetworkBench(Device device, Networks networks, DType dtype) {
        this.device = device;
        this.networks = networks;
        this.dtype = dtype;
    }

    /** What a recorded pass depends on. */
    private record Pass(UNet unet) {}

    /**
     * One U-Net pass over latents [batch, height, width, c] and texts of 77 tokens, recorded where the device can. Returns seconds; what a step repeats,
     * and no more.
     */
    public double unet(int batch, int height, int width) {
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
            return seconds(() -> pass.run(ops, List.of(latents, times.step(0))));
        }
    }

    /** Decoding latents [batch, height, width, c]. Returns seconds. */
    public double vaeDecode(int batch, int height, int width) {
        try (Scope scope = Scope.open(device, "bench")) {
            Ops ops = device.ops(scope);
            Tensor latents = random(
                    ops,
                    DType.F32,
                    batch,
                    height,
                    width,
                    networks.vae().config().latentChannels());
            return seconds(() -> ops.scoped("pass", s -> networks.vae().decode(s, latents)));
        }
    }

    /** Encoding {@code batch} texts of 77 tokens with every text encoder. Returns seconds. */
    public double text(int batch) {
        try (Scope scope = Scope.open(device, "bench")) {
            Ops ops = device.ops(scope);
            return seconds(() -> {
                for (ClipTextEncoder encoder : networks.textEncoders()) {
                    int[][] ids = new int[batch][TOKENS];
                    Arrays.setAll(ids, row -> new Random(SEED + row)
                            .ints(TOKENS, 0, encoder.config().vocabulary())
                            .toArray());
                    ops.scoped("pass", s -> encoder.encode(s, ids).pooled());
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

    private double seconds(Runnable work) {
        device.synchronize();
        long begun = System.nanoTime();
        work.run();
        device.synchronize();
        return (System.nanoTime() - begun) / 1e9;
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
