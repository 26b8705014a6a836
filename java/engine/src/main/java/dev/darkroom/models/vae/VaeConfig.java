package dev.darkroom.models.vae;

import com.fasterxml.jackson.databind.JsonNode;
import dev.darkroom.weights.Config;
import java.util.List;

/**
 * The anatomy of an autoencoder, from a diffusers config.json.
 *
 * @param imageChannels   channels of the picture
 * @param latentChannels  channels of the latents
 * @param channels        channels of each level, finest first; each level but the last halves the size
 * @param layers          residual blocks of each level of the encoder; the decoder has one more
 * @param groups          groups of the normalisations
 * @param midAttention    whether the middle has an attention
 * @param quantConv       whether a 1 x 1 convolution follows the encoder
 * @param postQuantConv   whether a 1 x 1 convolution precedes the decoder
 * @param scalingFactor   latents are multiplied by this for the U-Net: 0.18215 in SD 1 and 2, 0.13025 in SDXL
 */
public record VaeConfig(
        int imageChannels,
        int latentChannels,
        List<Integer> channels,
        int layers,
        int groups,
        boolean midAttention,
        boolean quantConv,
        boolean postQuantConv,
        float scalingFactor) {

    /**
     * Reads a config.json.
     *
     * @param source where it stands, for messages
     * @throws IllegalArgumentException naming the field that is missing, malformed or not supported
     */
    public static VaeConfig of(String source, JsonNode json) {
        Config c = new Config(source, json);
        c.require("_class_name", "AutoencoderKL");
        c.require("act_fn", "silu", "swish");
        c.require("latents_mean");
        c.require("latents_std");
        c.require("shift_factor", 0);
        requireBlocks(c, "down_block_types", "DownEncoderBlock2D");
        requireBlocks(c, "up_block_types", "UpDecoderBlock2D");
        return new VaeConfig(
                c.size("in_channels", 3),
                c.size("latent_channels", 4),
                c.sizes("block_out_channels"),
                c.size("layers_per_block", 1),
                c.size("norm_num_groups", 32),
                c.flag("mid_block_add_attention", true),
                c.flag("use_quant_conv", true),
                c.flag("use_post_quant_conv", true),
                c.number("scaling_factor", 0.18215f));
    }

    /** How many pixels of the picture a latent pixel stands for in each direction: 8 for Stable Diffusion. */
    public int downscale() {
        return 1 << channels.size() - 1;
    }

    private static void requireBlocks(Config c, String field, String supported) {
        for (String type : c.texts(field)) {
            if (!type.equals(supported)) {
                throw c.fail(field, "has " + type + ", which is not supported; supported: " + supported);
            }
        }
    }
}
