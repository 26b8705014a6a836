package dev.darkroom.weights;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Set;
import java.util.stream.IntStream;

/** The configs of single files that hold a network to be used beside a model: what the tensors tell, and the rest as in those published. */
final class AddOnConfigs {
    /** Width of SDXL's pooled text, which a ControlNet's tensors do not tell apart from the sizes. */
    private static final int PUBLISHED_POOLED_WIDTH = 1280;

    private AddOnConfigs() {}

    /** A ControlNet's config: the published U-Net's whose family its tensors show, corrected by them. */
    static ObjectNode controlNet(WeightSource weights) {
        boolean sdxl = weights.has("add_embedding.linear_1.weight");
        String projection = "down_blocks.0.attentions.0.proj_in.weight";
        boolean linear =
                weights.has(projection) && weights.get(projection).shape().rank() == 2;
        ModelFamily family = sdxl ? ModelFamily.SDXL : linear ? ModelFamily.SD2 : ModelFamily.SD1;
        ObjectNode config = PublishedConfigs.of(family, "unet");
        config.put("_class_name", "ControlNetModel");
        config.put(
                "mid_block_type",
                weights.has(ShapeConfigs.MIDDLE + "norm.weight") ? "UNetMidBlock2DCrossAttn" : "UNetMidBlock2D");
        ShapeConfigs.wayDown(config, weights, PUBLISHED_POOLED_WIDTH, family);
        String embedding = "controlnet_cond_embedding.";
        int levels = Indices.count(weights.names(), embedding + "blocks.%d.") / 2 + 1;
        int[] widths = new int[levels];
        for (int i = 0; i < levels; i++) {
            widths[i] = ShapeConfigs.dim(
                    weights, embedding + (i == 0 ? "conv_in" : "blocks." + (2 * i - 1)) + ".weight", 0);
        }
        ShapeConfigs.put(config, "conditioning_embedding_out_channels", widths);
        config.put("conditioning_channels", ShapeConfigs.dim(weights, embedding + "conv_in.weight", 1));
        return config;
    }

    /** A T2I-Adapter's config; whether it is one for SDXL shows in the size of its patches, which are twice as large there. */
    static ObjectNode t2iAdapter(WeightSource weights) {
        Set<String> names = weights.names();
        String body = "adapter.body.";
        int[] channels = IntStream.range(0, Indices.count(names, body + "%d."))
                .map(i -> ShapeConfigs.dim(weights, body + i + ".resnets.0.block1.weight", 0))
                .toArray();
        int in = ShapeConfigs.dim(weights, "adapter.conv_in.weight", 1);
        boolean xl = in % (16 * 16) == 0; // 3 or 1 channels of 16 x 16 pixels, against 8 x 8
        ObjectNode config = JsonNodeFactory.instance.objectNode();
        config.put("_class_name", "T2IAdapter").put("adapter_type", xl ? "full_adapter_xl" : "full_adapter");
        config.put("downscale_factor", xl ? 16 : 8).put("in_channels", in / (xl ? 16 * 16 : 8 * 8));
        config.put("num_res_blocks", Indices.count(names, body + "0.resnets.%d."));
        ShapeConfigs.put(config, "channels", channels);
        return config;
    }

    /** A tiny autoencoder's config: the published numbers of blocks, and the widths of its tensors. */
    static ObjectNode taesd(WeightSource weights) {
        String first = "decoder.layers.0.weight";
        int width = ShapeConfigs.dim(weights, first, 0);
        ObjectNode config = JsonNodeFactory.instance.objectNode();
        config.put("_class_name", "AutoencoderTiny").put("latent_channels", ShapeConfigs.dim(weights, first, 1));
        ShapeConfigs.put(config, "decoder_block_out_channels", new int[] {width, width, width, width});
        String encoder = "encoder.layers.0.weight";
        int encoderWidth = weights.has(encoder) ? ShapeConfigs.dim(weights, encoder, 0) : width;
        ShapeConfigs.put(
                config, "encoder_block_out_channels", new int[] {encoderWidth, encoderWidth, encoderWidth, encoderWidth
                });
        return config;
    }
}
