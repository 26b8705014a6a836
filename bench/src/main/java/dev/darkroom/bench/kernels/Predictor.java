package dev.darkroom.bench.kernels;

import dev.darkroom.cuda.KernelPlan;
import dev.darkroom.cuda.KernelPlan.Launch;
import dev.darkroom.cuda.OfflineCompiler;
import dev.darkroom.prebuild.KernelResources;
import dev.darkroom.prebuild.KernelResources.Usage;
import dev.darkroom.tensor.Device;
import dev.darkroom.tensor.Scope;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Finds out which kernels an operation launches on a GPU, with which grids, and predicts its time. */
final class Predictor implements AutoCloseable {
    private final Gpu gpu;
    private final KernelResources resources;
    private final KernelPlan plan;
    private final Device device;
    private final Operands operands = new Operands(/* values= */ false);
    private final Map<String, Map<String, Usage>> known = new HashMap<>();

    Predictor(Gpu gpu, KernelResources resources) {
        this.gpu = gpu;
        this.resources = resources;
        plan = KernelPlan.on(gpu.capability, gpu.multiprocessors);
        device = plan.device();
    }

    /** The prediction for a call; null where it launches nothing, as copies do. */
    @Nullable
    Prediction predict(OpCall call) {
        List<Launch> launches;
        try (Scope scope = Scope.open(device, "prediction")) {
            Object[] arguments = operands.of(device.ops(scope), call);
            plan.forgetLaunches();
            call.call(device.ops(scope), arguments);
            launches = plan.launches();
        }
        return launches.isEmpty() ? null : Prediction.of(gpu, call, launches, this::usage);
    }

    private @Nullable Usage usage(Launch launch) {
        return known.computeIfAbsent(
                        launch.variant().toString(),
                        name -> resources.usages(
                                launch.variant(),
                                OfflineCompiler.sourceKey(launch.variant()),
                                gpu.architecture().toString()))
                .get(launch.function());
    }

    @Override
    public void close() {
        device.close();
    }
}
