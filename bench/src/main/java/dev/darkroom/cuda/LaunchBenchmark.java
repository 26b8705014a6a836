package dev.darkroom.cuda;

import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.HostTensor;
import dev.darkroom.tensor.LinearWeight;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import jcuda.Pointer;
import jcuda.driver.CUfunction;
import jcuda.driver.JCudaDriver;
import org.lwjgl.system.JNI;
import org.lwjgl.system.Library;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * What a launch costs in Java. Under {@code tests/softcuda/run} the driver returns from a launch at once, so that what is measured is everything
 * but the driver; on a GPU the driver's share is in the numbers. Read the median: rounds are short, so that it is not that of a busy machine.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.SampleTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 5, time = 2)
@Measurement(iterations = 5, time = 2)
@Fork(1)
public class LaunchBenchmark {
    private static final int LAUNCHES = 100; // a round, some ten microseconds

    private final CUfunction noFunction = new CUfunction();
    private final Pointer noParameters = new Pointer();
    private final CudaDevice device = CudaDevice.open(0, /* poison= */ false);
    private final dev.darkroom.tensor.Scope scope = dev.darkroom.tensor.Scope.open(device, "bench");
    private final Ops ops = device.ops(scope);
    private final Tensor x = ops.upload(Shape.of(64, 64), new float[64 * 64]);
    private final Tensor y = ops.scale(x, 2);
    private final LinearWeight weight =
            ops.linearWeight(HostTensor.of("weight", Shape.of(64, 64), new float[64 * 64]), null, DType.F32);

    /** Loads the kernels, and lets them end, before launches are taken for made. */
    @Setup
    public void open() {
        ops.linear(x, weight);
        device.synchronize();
        softwareDevice(-1);
    }

    @TearDown
    public void close() {
        softwareDevice(1);
        scope.close();
        device.close();
    }

    /** Has a software device run launches (1) or return from them at once (-1); a GPU does what it does. */
    private static void softwareDevice(int launches) {
        String folder = System.getenv("DARKROOM_CUDA_DRIVER");
        if (folder != null && Files.exists(Path.of(folder, "include", "softcuda.h"))) {
            String driver = Path.of(folder, "libcuda.so.1").toAbsolutePath().toString();
            long function = Library.loadNative(LaunchBenchmark.class, "dev.darkroom", driver)
                    .getFunctionAddress("softcuda_compute");
            JNI.callI(launches, function);
        }
    }

    /** The binding alone: JCuda's {@code cuLaunchKernel}; on the software device only. */
    @Benchmark
    @OperationsPerInvocation(LAUNCHES)
    public int binding() {
        int codes = 0;
        for (int i = 0; i < LAUNCHES; i++) {
            codes += JCudaDriver.cuLaunchKernel(noFunction, 1, 1, 1, 256, 1, 1, 0, null, noParameters, null);
        }
        return codes;
    }

    /** A kernel found by its name, 5 arguments, and its launch. */
    @Benchmark
    @OperationsPerInvocation(LAUNCHES)
    public void launch() {
        for (int i = 0; i < LAUNCHES; i++) {
            device.engine().pointwise.scale(x, 2, y);
        }
    }

    /** An operation: its check, its result's memory, and a launch. */
    @Benchmark
    @OperationsPerInvocation(LAUNCHES)
    public void scale() {
        operations(s -> s.scale(x, 2));
    }

    /** As {@link #scale}, of a product with 11 arguments and a choice among tiles. */
    @Benchmark
    @OperationsPerInvocation(LAUNCHES)
    public void linear() {
        operations(s -> s.linear(x, weight));
    }

    private void operations(Consumer<Ops> operation) {
        try (dev.darkroom.tensor.Scope inner = scope.child("round")) {
            Ops s = ops.in(inner);
            for (int i = 0; i < LAUNCHES; i++) {
                operation.accept(s);
            }
        }
    }
}
