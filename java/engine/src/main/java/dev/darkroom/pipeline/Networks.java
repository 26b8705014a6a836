package dev.darkroom.pipeline;

import dev.darkroom.models.clip.ClipTextConfig;
import dev.darkroom.models.clip.ClipTextEncoder;
import dev.darkroom.models.unet.UNet;
import dev.darkroom.models.unet.UNetConfig;
import dev.darkroom.models.vae.Autoencoder;
import dev.darkroom.models.vae.VaeConfig;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Device;
import dev.darkroom.weights.ModelFiles;
import dev.darkroom.weights.ShapesOnlyWeights;
import dev.darkroom.weights.WeightSource;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The networks of a model on a device, each loaded when it is first used; closing it releases their weights. */
public final class Networks implements AutoCloseable {
    /** What the networks do for a picture, in the order in which it needs them. */
    enum Task {
        TEXT,
        UNET,
        VAE
    }

    private final List<ClipTextConfig> textConfigs = new ArrayList<>();
    private final List<LoadedNetwork<ClipTextEncoder>> textEncoders = new ArrayList<>();
    private final UNetConfig unetConfig;
    private final LoadedNetwork<UNet> unet;
    private final VaeConfig vaeConfig;
    private final LoadedNetwork<Autoencoder> vae;

    private Networks(Device device, ModelFiles model, DType dtype, Function<String, WeightSource> weights) {
        for (String name : textEncoderNames(model)) {
            ClipTextConfig config = ClipTextConfig.of(place(model, name), model.config(name));
            textConfigs.add(config);
            textEncoders.add(new LoadedNetwork<>(
                    name, device, dtype, () -> weights.apply(name), p -> new ClipTextEncoder(p, config)));
        }
        unetConfig = UNetConfig.of(place(model, "unet"), model.config("unet"));
        unet = new LoadedNetwork<>("unet", device, dtype, () -> weights.apply("unet"), p -> new UNet(p, unetConfig));
        vaeConfig = VaeConfig.of(place(model, "vae"), model.config("vae"));
        vae = new LoadedNetwork<>(
                "vae", device, vaeType(model, dtype), () -> weights.apply("vae"), p -> new Autoencoder(p, vaeConfig));
    }

    /** The networks of {@code model} on {@code device}, to compute in {@code dtype}. */
    public static Networks of(Device device, ModelFiles model, DType dtype) {
        return new Networks(device, model, dtype, model::weights);
    }

    /** The networks of {@code model} with shapes instead of weights, for the dry device. */
    static Networks shapesOf(Device device, ModelFiles model, DType dtype) {
        return new Networks(device, model, dtype, name -> new ShapesOnlyWeights(place(model, name), dtype));
    }

    /** SDXL's VAE overflows in f16, whose largest number is 65504, unless its weights were made for it; {@code force_upcast} says so. */
    private static DType vaeType(ModelFiles model, DType dtype) {
        boolean overflows = model.family().isXl()
                && model.config("vae").path("force_upcast").asBoolean(true);
        return dtype == DType.F16 && overflows ? DType.F32 : dtype;
    }

    /** The names of the model's text encoders, in the order in which their channels lie side by side. */
    static List<String> textEncoderNames(ModelFiles model) {
        return Stream.of("text_encoder", "text_encoder_2").filter(model::has).toList();
    }

    /** One text encoder, or SDXL's two. */
    List<ClipTextEncoder> textEncoders() {
        return textEncoders.stream().map(LoadedNetwork::get).toList();
    }

    /** The type that text encoder {@code index} computes in, whether it is loaded or not. */
    DType textType(int index) {
        return textEncoders.get(index).dtype();
    }

    /** The anatomy of the text encoders, whether they are loaded or not. */
    List<ClipTextConfig> textConfigs() {
        return textConfigs;
    }

    UNet unet() {
        return unet.get();
    }

    UNetConfig unetConfig() {
        return unetConfig;
    }

    Autoencoder vae() {
        return vae.get();
    }

    VaeConfig vaeConfig() {
        return vaeConfig;
    }

    /** Loads what is not loaded yet of the networks for {@code task}. */
    void load(Task task) {
        of(task).forEach(LoadedNetwork::get);
    }

    /** Loads all networks. */
    void load() {
        for (Task task : Task.values()) {
            load(task);
        }
    }

    /** Loads what a refiner needs: the model before it decodes for both. */
    void loadForRefining() {
        load(Task.TEXT);
        load(Task.UNET);
    }

    /** Releases all weights but those of {@code task}; all of them where it is null. */
    void releaseAllBut(@Nullable Task task) {
        for (Task other : Task.values()) {
            if (other != task) {
                of(other).forEach(LoadedNetwork::close);
            }
        }
    }

    /** The networks that carry out {@code task}. */
    List<? extends LoadedNetwork<?>> of(Task task) {
        return switch (task) {
            case TEXT -> textEncoders;
            case UNET -> List.of(unet);
            case VAE -> List.of(vae);
        };
    }

    /** Has the networks of {@code task} compute in f32; false where they do already. */
    boolean widen(Task task) {
        boolean widened = false;
        for (LoadedNetwork<?> network : of(task)) {
            widened |= network.widen();
        }
        return widened;
    }

    /** Takes {@link #widen} back. */
    void restore(Task task) {
        of(task).forEach(LoadedNetwork::restore);
    }

    /** Takes {@link #widen} back for all tasks. */
    void restore() {
        for (Task task : Task.values()) {
            restore(task);
        }
    }

    @Override
    public void close() {
        releaseAllBut(null);
    }

    private static String place(ModelFiles model, String component) {
        return model.location() + ", " + component + "/config.json";
    }
}
