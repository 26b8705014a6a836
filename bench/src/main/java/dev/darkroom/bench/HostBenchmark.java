package dev.darkroom.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.darkroom.dry.DryDevice;
import dev.darkroom.image.Picture;
import dev.darkroom.image.PngWriter;
import dev.darkroom.sampling.SamplerKind;
import dev.darkroom.sampling.SamplingPlan;
import dev.darkroom.sampling.SchedulerConfig;
import dev.darkroom.sampling.SigmaSchedule;
import dev.darkroom.sampling.TorchCpuRandom;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import dev.darkroom.tokenizer.ClipTokenizer;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** The work of the host: what it costs to tokenise, plan, draw noise, allocate and write a picture. */
@State(org.openjdk.jmh.annotations.Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class HostBenchmark {
    private static final int SIZE = 512;

    private final ClipTokenizer tokenizer = ClipTokenizer.clip();
    private final Picture picture = noise();
    private final DryDevice device = new DryDevice(DType.BF16);
    private final SchedulerConfig scheduler = SchedulerConfig.of(
                    "bench", new ObjectMapper().createObjectNode().put("_class_name", "PNDMScheduler"))
            .with(SamplerKind.DPMPP_2M)
            .with(SigmaSchedule.KARRAS);

    private static Picture noise() {
        byte[] rgb = new byte[SIZE * SIZE * 3];
        new Random(1).nextBytes(rgb);
        return new Picture(SIZE, SIZE, rgb);
    }

    /** A prompt of twelve words. */
    @Benchmark
    public int[] tokenize() {
        return tokenizer
                .tokenize("a photograph of an astronaut riding a horse on the moon, detailed")
                .ids();
    }

    /** The plan of 25 steps of DPM++ 2M Karras. */
    @Benchmark
    public SamplingPlan plan() {
        return scheduler.plan(25, 0);
    }

    /** The noise of a 512 x 512 picture. */
    @Benchmark
    public float[] drawNoise() {
        return new TorchCpuRandom(1).normal(4 * 64 * 64);
    }

    /** An operation's share of scopes and pool: one scope with three tensors. */
    @Benchmark
    public Tensor scopeOfThree() {
        try (Scope root = Scope.open(device, "bench")) {
            Ops ops = device.ops(root);
            return ops.scoped("inner", s -> {
                s.scope().allocate(Shape.of(2, 64, 64, 320), DType.BF16);
                s.scope().allocate(Shape.of(2, 64, 64, 640), DType.BF16);
                return s.scope().allocate(Shape.of(2, 64, 64, 320), DType.BF16);
            });
        }
    }

    /** A 512 x 512 picture as PNG. */
    @Benchmark
    public byte[] writePng() {
        return PngWriter.encode(picture, Map.of());
    }
}
