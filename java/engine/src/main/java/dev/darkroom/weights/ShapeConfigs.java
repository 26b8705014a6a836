package dev.darkroom.weights;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.darkroom.tensor.Shape;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * Corrects the published configs by what the tensors of a file tell: widths, depths and channel counts. Head counts and norm groups
 * leave no trace in the shapes; heads stay 64 wide where the published ones are and where widths divide, the rest stays as published.
 */
final class ShapeConfigs {
    /** Width of an attention head in every CLIP text encoder, and in the U-Nets from Stable Diffusion 2 on. */
    private static final int HEAD_WIDTH = 64;

    static final String MIDDLE = "mid_block.attentions.0.";

    private ShapeConfigs() {}

    /** Corrects a U-Net's config; {@code pooledWidth} is the width of SDXL's pooled text, 0 for other families. */
    static ObjectNode unet(ObjectNode config, WeightSource weights, int pooledWidth, ModelFamily family) {
        wayDown(config, weights, pooledWidth, family);
        config.put("out_channels", dim(weights, "conv_out.weight", 0));
        return config;
    }

    /** Corrects what a config says of the way down, the middle and the embeddings. */
    static void wayDown(ObjectNode config, WeightSource weights, int pooledWidth, ModelFamily family) {
        Set<String> names = weights.names();
        int levels = Indices.count(names, "down_blocks.%d.");
        int[] widths = IntStream.range(0, levels)
                .map(i -> dim(weights, "down_blocks." + i + ".resnets.0.conv1.weight", 0))
                .toArray();
        int[] depths = IntStream.range(0, levels)
                .map(i -> Indices.count(names, "down_blocks." + i + ".attentions.0.transformer_blocks.%d."))
                .toArray();
        put(config, "block_out_channels", widths);
        config.put("layers_per_block", Indices.count(names, "down_blocks.0.resnets.%d."));
        config.put("in_channels", dim(weights, "conv_in.weight", 1));
        if (weights.has(MIDDLE + "proj_in.weight")) {
            config.put("cross_attention_dim", dim(weights, MIDDLE + "transformer_blocks.0.attn2.to_k.weight", 1));
            config.put(
                    "use_linear_projection",
                    weights.get(MIDDLE + "proj_in.weight").shape().rank() == 2);
        }
        putBlockTypes(config, depths);
        putTransformerDepths(config, depths);
        if (config.path("attention_head_dim").isArray() && divides(widths)) {
            put(
                    config,
                    "attention_head_dim",
                    IntStream.of(widths).map(width -> width / HEAD_WIDTH).toArray());
        }
        if (weights.has("add_embedding.linear_1.weight")) {
            int added = dim(weights, "add_embedding.linear_1.weight", 1);
            config.put("projection_class_embeddings_input_dim", added);
            int numbers = family == ModelFamily.SDXL_REFINER ? 5 : 6; // sizes and crop, then score or target size
            config.put("addition_time_embed_dim", (added - pooledWidth) / numbers);
        }
    }

    /** Corrects an AutoencoderKL's config. */
    static ObjectNode vae(ObjectNode config, WeightSource weights) {
        Set<String> names = weights.names();
        int levels = Indices.count(names, "encoder.down_blocks.%d.");
        put(
                config,
                "block_out_channels",
                IntStream.range(0, levels)
                        .map(i -> dim(weights, "encoder.down_blocks." + i + ".resnets.0.conv1.weight", 0))
                        .toArray());
        ArrayNode down = config.putArray("down_block_types");
        ArrayNode up = config.putArray("up_block_types");
        for (int i = 0; i < levels; i++) {
            down.add("DownEncoderBlock2D");
            up.add("UpDecoderBlock2D");
        }
        config.put("layers_per_block", Indices.count(names, "encoder.down_blocks.0.resnets.%d."));
        config.put("in_channels", dim(weights, "encoder.conv_in.weight", 1));
        config.put("out_channels", dim(weights, "decoder.conv_out.weight", 0));
        config.put("latent_channels", dim(weights, "decoder.conv_in.weight", 1));
        config.put("use_quant_conv", weights.has("quant_conv.weight"));
        config.put("use_post_quant_conv", weights.has("post_quant_conv.weight"));
        return config;
    }

    /** Corrects a CLIP text encoder's config. */
    static ObjectNode text(ObjectNode config, WeightSource weights) {
        String layers = "text_model.encoder.layers.";
        Shape tokens =
                weights.get("text_model.embeddings.token_embedding.weight").shape();
        int width = tokens.dim(1);
        config.put("vocab_size", tokens.dim(0));
        config.put("hidden_size", width);
        config.put("max_position_embeddings", dim(weights, "text_model.embeddings.position_embedding.weight", 0));
        config.put("num_hidden_layers", Indices.count(weights.names(), layers + "%d."));
        config.put("intermediate_size", dim(weights, layers + "0.mlp.fc1.weight", 0));
        if (divides(width)) {
            config.put("num_attention_heads", width / HEAD_WIDTH);
        }
        if (weights.has("text_projection.weight")) {
            config.put("projection_dim", dim(weights, "text_projection.weight", 0));
        }
        return config;
    }

    private static void putBlockTypes(ObjectNode config, int[] depths) {
        ArrayNode down = config.putArray("down_block_types");
        ArrayNode up = config.putArray("up_block_types");
        for (int i = 0; i < depths.length; i++) {
            down.add(depths[i] > 0 ? "CrossAttnDownBlock2D" : "DownBlock2D");
            up.add(depths[depths.length - 1 - i] > 0 ? "CrossAttnUpBlock2D" : "UpBlock2D");
        }
    }

    /** One number where all levels with attention agree, else a list with 1, the published filler, for levels without. */
    private static void putTransformerDepths(ObjectNode config, int[] depths) {
        List<Integer> distinct = IntStream.of(depths)
                .filter(depth -> depth > 0)
                .distinct()
                .boxed()
                .toList();
        if (distinct.size() == 1) {
            config.put("transformer_layers_per_block", distinct.get(0));
        } else {
            put(
                    config,
                    "transformer_layers_per_block",
                    IntStream.of(depths).map(depth -> Math.max(depth, 1)).toArray());
        }
    }

    private static boolean divides(int... widths) {
        return IntStream.of(widths).allMatch(width -> width % HEAD_WIDTH == 0);
    }

    static int dim(WeightSource weights, String name, int index) {
        Shape shape = weights.get(name).shape();
        if (shape.rank() <= index) {
            throw new WeightsException(weights.describe() + ": tensor \"" + name + "\" has shape " + shape
                    + ", too few dimensions; the file is broken");
        }
        return shape.dim(index);
    }

    static void put(ObjectNode config, String field, int[] values) {
        ArrayNode array = config.putArray(field);
        for (int value : values) {
            array.add(value);
        }
    }
}
