package dev.darkroom.tools;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.darkroom.dry.DryDevice;
import dev.darkroom.models.clip.ClipTextConfig;
import dev.darkroom.models.clip.ClipTextEncoder;
import dev.darkroom.models.unet.UNet;
import dev.darkroom.models.unet.UNetConfig;
import dev.darkroom.models.vae.Autoencoder;
import dev.darkroom.models.vae.VaeConfig;
import dev.darkroom.nn.Parameters;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Shape;
import dev.darkroom.weights.ModelFamily;
import dev.darkroom.weights.PublishedConfigs;
import dev.darkroom.weights.ShapesOnlyWeights;
import dev.darkroom.weights.WeightPath;
import java.util.Map;

/** A published model: its configs, and the tensors that its networks ask for. */
public enum Architecture {
    SD15("sd15", ModelFamily.SD1, 4),
    SD15_INPAINTING("sd15-inpainting", ModelFamily.SD1, 9),
    SD21("sd21", ModelFamily.SD2, 4),
    SDXL("sdxl", ModelFamily.SDXL, 4),
    SDXL_REFINER("sdxl-refiner", ModelFamily.SDXL_REFINER, 4);

    private final String title;
    private final ModelFamily family;
    private final int inChannels;

    Architecture(String title, ModelFamily family, int inChannels) {
        this.title = title;
        this.family = family;
        this.inChannels = inChannels;
    }

    public ModelFamily family() {
        return family;
    }

    /** The config of a component, or of {@code model_index}. */
    public ObjectNode config(String component) {
        ObjectNode config = PublishedConfigs.of(family, component);
        return component.equals("unet") ? config.put("in_channels", inChannels) : config;
    }

    /** The names and shapes of a network's tensors, in the order it asks for them: it is built on the dry device to be watched. */
    public Map<String, Shape> tensors(String network) {
        ShapesOnlyWeights weights = new ShapesOnlyWeights(title + " " + network, DType.F16);
        try (DryDevice device = new DryDevice(DType.F16);
                Scope scope = Scope.open(device, network)) {
            build(network, new Parameters(device.ops(scope), DType.F16, WeightPath.of(weights)));
        }
        Map<String, Shape> tensors = weights.asked();
        boolean linear = config(network).path("use_linear_projection").asBoolean(false);
        tensors.replaceAll(
                (name, shape) -> isPointwise(name, linear) ? Shape.of(shape.dim(0), shape.dim(1), 1, 1) : shape);
        return tensors;
    }

    /** Whether files keep as a 1 x 1 convolution what our networks ask for as a matrix. */
    private static boolean isPointwise(String name, boolean linearProjection) {
        return name.endsWith("conv_shortcut.weight")
                || name.endsWith("quant_conv.weight")
                || !linearProjection && (name.endsWith(".proj_in.weight") || name.endsWith(".proj_out.weight"));
    }

    private void build(String network, Parameters parameters) {
        ObjectNode config = config(network);
        switch (network) {
            case "unet" -> new UNet(parameters, UNetConfig.of(title, config));
            case "vae" -> new Autoencoder(parameters, VaeConfig.of(title, config));
            case "text_encoder", "text_encoder_2" -> new ClipTextEncoder(parameters, ClipTextConfig.of(title, config));
            default -> throw new IllegalArgumentException(network + " is no network of " + title);
        }
    }

    /** As users name it. */
    @Override
    public String toString() {
        return title;
    }
}
