package dev.darkroom.pipeline;

import dev.darkroom.nn.Parameters;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Device;
import dev.darkroom.tensor.Scope;
import dev.darkroom.weights.WeightPath;
import dev.darkroom.weights.WeightSource;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** A network whose weights are loaded when it is first asked for, and can be released, or loaded again in f32, without the model's others. */
final class LoadedNetwork<T> implements AutoCloseable {
    private final String name;
    private final Device device;
    private final DType preferred;
    private final Supplier<WeightSource> weights;
    private final Function<Parameters, T> build;
    private DType dtype;
    private @Nullable Scope scope;
    private @Nullable T network;

    /**
     * A network of which nothing is loaded yet.
     *
     * @param name    of the component, for messages
     * @param dtype   it computes in, unless {@link #widen}ed
     * @param weights opens its file
     * @param build   makes it of its parameters
     */
    LoadedNetwork(
            String name, Device device, DType dtype, Supplier<WeightSource> weights, Function<Parameters, T> build) {
        this.name = name;
        this.device = device;
        this.preferred = dtype;
        this.dtype = dtype;
        this.weights = weights;
        this.build = build;
    }

    String name() {
        return name;
    }

    DType dtype() {
        return dtype;
    }

    /** The network, loaded if it is not. */
    T get() {
        T present = network;
        if (present != null) {
            return present;
        }
        Scope opened = Scope.open(device, "weights");
        try {
            T loaded = build.apply(new Parameters(device.ops(opened), dtype, WeightPath.of(weights.get())));
            device.synchronize();
            scope = opened;
            network = loaded;
            return loaded;
        } catch (RuntimeException | Error e) {
            opened.close();
            throw e;
        }
    }

    /** Has it compute in f32 from now on; false where it does already. */
    boolean widen() {
        if (dtype == DType.F32) {
            return false;
        }
        close();
        dtype = DType.F32;
        return true;
    }

    /** Takes {@link #widen} back. */
    void restore() {
        if (dtype != preferred) {
            close();
            dtype = preferred;
        }
    }

    /** Releases its weights; they are loaded again when they are needed. */
    @Override
    public void close() {
        Scope open = scope;
        network = null;
        scope = null;
        if (open != null) {
            open.close();
        }
    }
}
