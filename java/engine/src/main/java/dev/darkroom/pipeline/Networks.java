package dev.darkroom.pipeline;

import dev.darkroom.models.clip.ClipTextConfig;
import dev.darkroom.models.clip.ClipTextEncoder;
import dev.darkroom.models.unet.UNet;
import dev.darkroom.models.unet.UNetConfig;
import dev.darkroom.models.vae.Autoencoder;
import dev.darkroom.models.vae.VaeConfig;
import dev.darkroom.nn.Parameters;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Device;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Scope;
import dev.darkroom.weights.ModelFiles;
import dev.darkroom.weights.ShapesOnlyWeights;
import dev.darkroom.weights.WeightPath;
import dev.darkroom.weights.WeightSource;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/** The networks of a model on a device; closing it releases their weights. */
public final class Networks implements AutoCloseable {
    private final Scope scope;
    private final List<ClipTextEncoder> textEncoders = new ArrayList<>();
    private final UNet unet;
    private final Autoencoder vae;

    private Networks(Device device, ModelFiles model, DType dtype, Function<String, WeightSource> weights) {
        scope = Scope.open(device, "weights");
        Ops ops = device.ops(scope);
        try {
            for (String name : textEncoderNames(model)) {
                ClipTextConfig config = ClipTextConfig.of(place(model, name), model.config(name));
                textEncoders.add(new ClipTextEncoder(parameters(ops, dtype, weights.apply(name)), config));
            }
            UNetConfig unetConfig = UNetConfig.of(place(model, "unet"), model.config("unet"));
            unet = new UNet(parameters(ops, dtype, weights.apply("unet")), unetConfig);
            VaeConfig vaeConfig = VaeConfig.of(place(model, "vae"), model.config("vae"));
            vae = new Autoencoder(parameters(ops, dtype, weights.apply("vae")), vaeConfig);
            device.synchronize();
        } catch (RuntimeException | Error e) {
            scope.close();
            throw e;
        }
    }

    /** Loads the weights of {@code model} onto {@code device}, to compute in {@code dtype}. */
    public static Networks load(Device device, ModelFiles model, DType dtype) {
        return new Networks(device, model, dtype, model::weights);
    }

    /** The networks of {@code model} with shapes instead of weights, for the dry device. */
    static Networks shapesOf(Device device, ModelFiles model, DType dtype) {
        return new Networks(device, model, dtype, name -> new ShapesOnlyWeights(place(model, name), dtype));
    }

    /** The names of the model's text encoders, in the order in which their channels lie side by side. */
    static List<String> textEncoderNames(ModelFiles model) {
        return model.has("text_encoder_2") ? List.of("text_encoder", "text_encoder_2") : List.of("text_encoder");
    }

    /** One text encoder, or SDXL's two. */
    List<ClipTextEncoder> textEncoders() {
        return textEncoders;
    }

    UNet unet() {
        return unet;
    }

    Autoencoder vae() {
        return vae;
    }

    @Override
    public void close() {
        scope.close();
    }

    private static Parameters parameters(Ops ops, DType dtype, WeightSource source) {
        return new Parameters(ops, dtype, WeightPath.of(source));
    }

    private static String place(ModelFiles model, String component) {
        return model.location() + ", " + component + "/config.json";
    }
}
