package dev.darkroom.pipeline;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.darkroom.bench.records.BenchRecord;
import dev.darkroom.bench.records.Unit;
import dev.darkroom.cuda.CudaDevice;
import dev.darkroom.cuda.SoftwareFaults;
import dev.darkroom.dry.DryDevice;
import dev.darkroom.models.unet.Conditioning;
import dev.darkroom.models.unet.UNet;
import dev.darkroom.models.unet.UNetConfig;
import dev.darkroom.nn.Parameters;
import dev.darkroom.sampling.SamplerKind;
import dev.darkroom.sampling.SamplingPlan;
import dev.darkroom.sampling.SchedulerConfig;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Device;
import dev.darkroom.tensor.HostTensor;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import dev.darkroom.weights.MadeUpWeights;
import dev.darkroom.weights.ModelFamily;
import dev.darkroom.weights.PublishedConfigs;
import dev.darkroom.weights.WeightPath;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * Writes down what a step of Stable Diffusion 1.5 launches: its U-Net in full size in f16, one picture of 512 x 512 with guidance, on the software CUDA
 * device with {@code SOFTCUDA_EXECUTE=0}, which accepts work and does none.
 *
 * <p>The argument is the file to write; {@link LaunchListTest} gives bench/records/launches-sd15.json with {@code -Ddarkroom.records=true}.
 */
final class LaunchList {
    private static final int STEPS = 4; // directly, recorded, replayed, replayed
    private static final int LATENT = 64;

    private static final ByteBuffer ZEROS =
            ByteBuffer.allocateDirect(64 << 20); // the largest, 2560 to 1280 channels, has 59 million

    private LaunchList() {}

    public static void main(String[] arguments) throws IOException {
        ObjectNode report = new ObjectMapper().createObjectNode();
        report.put(
                "what", "a step of Stable Diffusion 1.5 in f16, 512 x 512, one picture with guidance (batch 2), Euler");
        SoftwareFaults calls = SoftwareFaults.open();
        List<Integer> launches = new ArrayList<>();
        try (CudaDevice device = CudaDevice.open(0, /* poison= */ false)) {
            long peak = denoise(device, () -> launches.add(calls.count(SoftwareFaults.Call.LAUNCH)));
            Map<String, Integer> kernels =
                    new TreeMap<>(device.recordedLaunches().get(0));
            int sum = kernels.values().stream().mapToInt(each -> each).sum();
            report.put("device", "the software device, on which launches are counted as on a GPU");
            report.put("kernel_launches", sum);
            BenchRecord.add(
                    report, new BenchRecord.Value(22, "SD1.5, batch 2, f16", sum, Unit.LAUNCHES, 1, /* peer= */ null));
            report.put("launch_calls_of_a_replayed_step", launches.get(STEPS - 1) - launches.get(STEPS - 2));
            report.put("replayed_steps", device.recordings().replayed());
            report.put("recordings", device.recordedLaunches().size());
            report.put("peak_bytes", peak);
            ObjectNode byKernel = report.putObject("by_kernel");
            kernels.forEach(byKernel::put);
        }
        try (DryDevice device = new DryDevice(DType.F16)) {
            report.put("predicted_peak_bytes", denoise(device, () -> {}));
        }
        Files.writeString(
                Path.of(arguments[0]),
                new ObjectMapper().writerWithDefaultPrettyPrinter().writeValueAsString(report) + "\n");
    }

    /** Takes the steps; returns the most memory that was live. */
    private static long denoise(Device device, Runnable afterStep) {
        try (Scope scope = Scope.open(device, "launches")) {
            Ops ops = device.ops(scope);
            UNetConfig config = UNetConfig.of("sd1", PublishedConfigs.of(ModelFamily.SD1, "unet"));
            UNet unet = new UNet(
                    new Parameters(ops, DType.F16, WeightPath.of(new MadeUpWeights(LaunchList::zeros))), config);
            Tensor context = scope.allocate(Shape.of(2, 77, 768), DType.F16);
            Conditioning conditioning = unet.condition(ops, context);
            Tensor start = scope.allocate(Shape.of(1, LATENT, LATENT, 4), DType.F32);
            new Denoiser(unet, conditioning, job()).run(ops, start, (i, sample, again) -> afterStep.run());
            return device.pool().statistics().peak();
        }
    }

    private static Job job() {
        SchedulerConfig scheduler = SchedulerConfig.of("sd1", PublishedConfigs.of(ModelFamily.SD1, "scheduler"))
                .with(SamplerKind.EULER);
        SamplingPlan plan = scheduler.plan(STEPS, 0);
        Texts none = Texts.repeated("", "", 1, 1);
        MicroConditioning size = MicroConditioning.of(8 * LATENT, 8 * LATENT, 0);
        return new Job(
                none,
                Optional.of(none),
                8 * LATENT,
                8 * LATENT,
                size,
                size,
                plan,
                STEPS,
                7.5,
                0,
                Optional.empty(),
                () -> (o, shape) -> {
                    throw new IllegalStateException("this sampler draws no noise");
                });
    }

    /** A weight of any shape, all zero. */
    private static HostTensor zeros(String name, Shape shape) {
        int bytes = Math.toIntExact(shape.count() * DType.F16.bytes());
        return new HostTensor(
                name,
                shape,
                DType.F16,
                reader -> reader.accept(ZEROS.slice(0, bytes).order(ByteOrder.LITTLE_ENDIAN)));
    }
}
