package dev.darkroom.models.controlnet;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.darkroom.models.unet.UNetConfig;
import dev.darkroom.weights.Config;
import java.util.ArrayList;
import java.util.List;

/**
 * The anatomy of a ControlNet, from a diffusers config.json.
 *
 * @param unet              of the half of a U-Net that it has a copy of; what is said of the way up means nothing
 * @param pictureChannels   channels of the control picture
 * @param embeddingChannels channels of the levels of its embedding, finest first
 * @param blueFirst         whether it takes blue, green, red
 */
public record ControlNetConfig(
        UNetConfig unet, int pictureChannels, List<Integer> embeddingChannels, boolean blueFirst) {
    /** The class that config.json names. */
    public static final String CLASS = "ControlNetModel";

    private static final List<Integer> PUBLISHED = List.of(16, 32, 96, 256);

    /**
     * Reads a config.json.
     *
     * @param source where it stands, for messages
     * @throws IllegalArgumentException naming the field that is missing, malformed or not supported
     */
    public static ControlNetConfig of(String source, JsonNode json) {
        Config c = new Config(source, json);
        c.require("_class_name", CLASS);
        c.require("global_pool_conditions", false);
        c.require("controlnet_conditioning_channel_order", "rgb", "bgr");
        return new ControlNetConfig(
                UNetConfig.of(source, asUnet(c, json)),
                c.size("conditioning_channels", 3),
                c.has("conditioning_embedding_out_channels")
                        ? c.sizes("conditioning_embedding_out_channels")
                        : PUBLISHED,
                c.text("controlnet_conditioning_channel_order", "rgb").equals("bgr"));
    }

    /** The same as a U-Net's, with a way up that mirrors the way down. */
    private static JsonNode asUnet(Config c, JsonNode json) {
        ObjectNode unet = json.deepCopy();
        unet.put("_class_name", "UNet2DConditionModel");
        ArrayNode up = unet.putArray("up_block_types");
        List<String> down = new ArrayList<>(c.texts("down_block_types"));
        for (int i = down.size() - 1; i >= 0; i--) {
            up.add(down.get(i).replace("Down", "Up"));
        }
        JsonNode depths = json.path("transformer_layers_per_block");
        if (depths.isArray() && depths.size() == down.size()) {
            ArrayNode sizes = unet.putArray("transformer_layers_per_block");
            for (int i = 0; i < down.size(); i++) { // 0 in levels that have none
                boolean none =
                        down.get(i).equals("DownBlock2D") && depths.get(i).asInt() == 0;
                sizes.add(none ? sizes.numberNode(1) : depths.get(i));
            }
        }
        return unet;
    }

    /** How many pixels of the picture a latent pixel stands for in each direction. */
    public int downscale() {
        return 1 << embeddingChannels.size() - 1;
    }
}
