package dev.darkroom.cuda;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The kernels of a device, loaded when they are first asked for. */
final class Modules implements AutoCloseable {
    private final CudaStream stream;
    private final GpuProperties gpu;
    private final Loader loader;
    private final Map<List<String>, Kernel> kernels = new HashMap<>();

    /** Where kernels come from. */
    @FunctionalInterface
    interface Loader extends AutoCloseable {
        /** As {@link Modules#kernel}; called once for each. */
        Kernel load(String file, String function, List<String> defines);

        /** Gives back what was loaded. */
        @Override
        default void close() {}
    }

    Modules(CudaStream stream, GpuProperties gpu, Loader loader) {
        this.stream = stream;
        this.gpu = gpu;
        this.loader = loader;
    }

    /** What the device is. */
    GpuProperties gpu() {
        return gpu;
    }

    CudaStream stream() {
        return stream;
    }

    /**
     * A kernel.
     *
     * @param file     in kernels/, such as {@code groupnorm.cu}
     * @param function its name there
     * @param defines  compile-time choices, such as {@code T=f16}
     */
    Kernel kernel(String file, String function, String... defines) {
        List<String> key = new ArrayList<>(List.of(defines));
        key.add(0, file);
        key.add(1, function);
        Kernel known = kernels.get(key);
        if (known == null) {
            known = loader.load(file, function, List.of(defines));
            kernels.put(key, known);
        }
        return known.begin();
    }

    @Override
    public void close() {
        loader.close();
        kernels.clear();
    }
}
