package dev.darkroom.pipeline;

import dev.darkroom.models.adapter.IpAdapter;
import dev.darkroom.models.adapter.T2iAdapter;
import dev.darkroom.models.adapter.T2iAdapterConfig;
import dev.darkroom.models.controlnet.ControlNet;
import dev.darkroom.models.controlnet.ControlNetConfig;
import dev.darkroom.models.taesd.TinyAutoencoder;
import dev.darkroom.models.taesd.TinyConfig;
import dev.darkroom.models.unet.UNetConfig;
import dev.darkroom.nn.Parameters;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Device;
import dev.darkroom.weights.AddOnFiles;
import dev.darkroom.weights.ModelComponent;
import dev.darkroom.weights.ShapesOnlyWeights;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.function.BiFunction;

/** Networks that requests name beside the model, by where they lie. Each is loaded when it is first used, and released when a request does without it. */
public final class AddOnNetworks implements AutoCloseable {
    private record Key(String spec, DType dtype) {}

    private final Device device;
    private final boolean shapesOnly;
    private final Map<Key, LoadedNetwork<?>> loaded = new HashMap<>();

    private AddOnNetworks(Device device, boolean shapesOnly) {
        this.device = device;
        this.shapesOnly = shapesOnly;
    }

    /** Networks on {@code device}. */
    public static AddOnNetworks on(Device device) {
        return new AddOnNetworks(device, false);
    }

    /** Networks with shapes instead of weights, on the dry device. */
    static AddOnNetworks shapesOn(Device dry) {
        return new AddOnNetworks(dry, true);
    }

    /** What lies at {@code spec}: the class that its config names. */
    static String className(String spec) {
        return className(AddOnFiles.open(spec));
    }

    static String className(ModelComponent part) {
        return part.config().path("_class_name").asText();
    }

    ControlNet controlNet(String spec, DType dtype) {
        return get(
                spec,
                dtype,
                ControlNet.class,
                (part, p) -> new ControlNet(p, ControlNetConfig.of(spec, part.config())));
    }

    T2iAdapter t2iAdapter(String spec, DType dtype) {
        return get(
                spec,
                dtype,
                T2iAdapter.class,
                (part, p) -> new T2iAdapter(p, T2iAdapterConfig.of(spec, part.config())));
    }

    IpAdapter ipAdapter(String spec, UNetConfig unet, DType dtype) {
        return get(
                spec, dtype, IpAdapter.class, (part, p) -> new IpAdapter(p, IpAdapter.Config.of(part.weights()), unet));
    }

    /** Its decoder. */
    TinyAutoencoder tiny(String spec, DType dtype) {
        return get(
                spec,
                dtype,
                TinyAutoencoder.class,
                (part, p) -> new TinyAutoencoder(p, TinyConfig.of(spec, part.config()), /* encodes= */ false));
    }

    /** Loads all that a job uses. */
    void load(AddOns addOns, UNetConfig unet, DType dtype) {
        for (Control control : addOns.controls()) {
            if (className(control.net()).equals(T2iAdapterConfig.CLASS)) {
                t2iAdapter(control.net(), dtype);
            } else {
                controlNet(control.net(), dtype);
            }
        }
        addOns.imagePrompts().forEach(each -> ipAdapter(each.adapter(), unet, dtype));
        addOns.decoder().ifPresent(each -> tiny(each, dtype));
        addOns.previewer().ifPresent(each -> tiny(each, dtype));
    }

    private <T> T get(String spec, DType dtype, Class<T> kind, BiFunction<ModelComponent, Parameters, T> build) {
        LoadedNetwork<?> network = loaded.computeIfAbsent(new Key(spec, dtype), key -> {
            ModelComponent part = AddOnFiles.open(spec);
            return new LoadedNetwork<>(
                    spec,
                    device,
                    dtype,
                    () -> shapesOnly ? new ShapesOnlyWeights(spec, dtype) : part.weights(),
                    p -> build.apply(part, p));
        });
        return kind.cast(network.get());
    }

    /** Releases all but those that lie at {@code specs}. */
    void keepOnly(Set<String> specs) {
        loaded.entrySet().removeIf(entry -> {
            boolean goes = !specs.contains(entry.getKey().spec());
            if (goes) {
                entry.getValue().close();
            }
            return goes;
        });
    }

    @Override
    public void close() {
        keepOnly(Set.of());
    }
}
