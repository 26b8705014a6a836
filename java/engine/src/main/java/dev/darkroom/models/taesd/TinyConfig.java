package dev.darkroom.models.taesd;

import com.fasterxml.jackson.databind.JsonNode;
import dev.darkroom.weights.Config;
import java.util.List;

/**
 * The anatomy of a tiny autoencoder, from a diffusers config.json.
 *
 * @param imageChannels  channels of the picture
 * @param latentChannels channels of the latents
 * @param encoderWidth   channels between the encoder's blocks
 * @param decoderWidth   channels between the decoder's blocks
 * @param encoderBlocks  blocks of each level of the encoder, finest first; each level but the last halves the size
 * @param decoderBlocks  blocks of each level of the decoder, coarsest first
 * @param scalingFactor  latents are multiplied by this for the U-Net: 1 in those published, which were made for its scale
 */
public record TinyConfig(
        int imageChannels,
        int latentChannels,
        int encoderWidth,
        int decoderWidth,
        List<Integer> encoderBlocks,
        List<Integer> decoderBlocks,
        float scalingFactor) {
    /** The class that config.json names. */
    public static final String CLASS = "AutoencoderTiny";

    private static final int WIDTH = 64;

    /**
     * Reads a config.json.
     *
     * @param source where it stands, for messages
     * @throws IllegalArgumentException naming the field that is missing, malformed or not supported
     */
    public static TinyConfig of(String source, JsonNode json) {
        Config c = new Config(source, json);
        c.require("_class_name", CLASS);
        c.require("act_fn", "relu");
        c.require("upsample_fn", "nearest");
        c.require("upsampling_scaling_factor", 2);
        c.require("shift_factor", 0);
        List<Integer> encoder = c.has("num_encoder_blocks") ? c.sizes("num_encoder_blocks") : List.of(1, 3, 3, 3);
        List<Integer> decoder = c.has("num_decoder_blocks") ? c.sizes("num_decoder_blocks") : List.of(3, 3, 3, 1);
        return new TinyConfig(
                c.size("in_channels", 3),
                c.size("latent_channels", 4),
                width(c, "encoder_block_out_channels", encoder.size()),
                width(c, "decoder_block_out_channels", decoder.size()),
                encoder,
                decoder,
                c.number("scaling_factor", 1));
    }

    /** How many pixels of the picture a latent pixel stands for in each direction. */
    public int downscale() {
        return 1 << decoderBlocks.size() - 1;
    }

    private static int width(Config c, String field, int levels) {
        List<Integer> widths = c.sizes(field, levels, WIDTH);
        if (widths.stream().distinct().count() > 1) {
            throw c.fail(field, "is " + widths + "; the levels of a tiny autoencoder have one width");
        }
        return widths.get(0);
    }
}
