package dev.darkroom.models.unet;

import com.fasterxml.jackson.databind.JsonNode;
import dev.darkroom.weights.Config;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * The anatomy of a U-Net, from a diffusers config.json.
 *
 * @param inChannels      channels of the latents: 4, or 9 for inpainting models
 * @param outChannels     channels of the prediction
 * @param channels        channels of each level, finest first
 * @param downCross       for each level on the way down, whether it looks at the text
 * @param midCross        whether the middle looks at the text
 * @param upCross         for each block on the way up, coarsest first, whether it looks at the text
 * @param layers          residual blocks of each level; on the way up there is one more
 * @param heads           attention heads of each level ({@code attention_head_dim} in files, a misnomer)
 * @param depths          transformer blocks after each residual block, by level on the way down
 * @param upDepths        the same on the way up, coarsest first
 * @param contextWidths   channels of the text, by level
 * @param onlyCross       for each level, whether its first attention looks at the text too
 * @param groups          groups of the normalisations
 * @param epsilon         of the residual blocks' normalisations
 * @param cosFirst        time embedding with cosines first
 * @param frequencyShift  of the time embedding
 * @param timeWidth       channels of the time embedding after its two layers
 * @param guidanceWidth   channels of the guidance embedding that distilled models take; 0 for none
 * @param addedTimeWidth  sinusoids for each of SDXL's size numbers; 0 for models without them
 * @param addedWidth      channels of pooled text and size embeddings together
 * @param kernelIn        size of the first kernel
 * @param kernelOut       size of the last kernel
 * @param sampleSize      the latent size the model was trained for; 0 when the file does not say
 */
public record UNetConfig(
        int inChannels,
        int outChannels,
        List<Integer> channels,
        List<Boolean> downCross,
        boolean midCross,
        List<Boolean> upCross,
        List<Integer> layers,
        List<Integer> heads,
        List<List<Integer>> depths,
        List<List<Integer>> upDepths,
        List<Integer> contextWidths,
        List<Boolean> onlyCross,
        int groups,
        float epsilon,
        boolean cosFirst,
        int frequencyShift,
        int timeWidth,
        int guidanceWidth,
        int addedTimeWidth,
        int addedWidth,
        int kernelIn,
        int kernelOut,
        int sampleSize) {
    private static final String MID_CROSS = "UNetMidBlock2DCrossAttn";

    /**
     * Reads a config.json.
     *
     * @param source where it stands, for messages
     * @throws IllegalArgumentException naming the field that is missing, malformed or not supported
     */
    public static UNetConfig of(String source, JsonNode json) {
        Config c = new Config(source, json);
        requireSupported(c);
        List<Integer> channels = c.sizes("block_out_channels");
        int levels = channels.size();
        List<Integer> layers = c.sizes("layers_per_block", levels, 2);
        List<Integer> upLayers = new ArrayList<>();
        layers.forEach(count -> upLayers.add(count + 1));
        String headsField = c.has("num_attention_heads") ? "num_attention_heads" : "attention_head_dim";
        boolean textTime = c.text("addition_embed_type", "").equals("text_time");
        return new UNetConfig(
                c.size("in_channels", 4),
                c.size("out_channels", 4),
                channels,
                crosses(c, "down_block_types", levels, "CrossAttnDownBlock2D", "DownBlock2D"),
                c.text("mid_block_type", MID_CROSS).equals(MID_CROSS),
                crosses(c, "up_block_types", levels, "CrossAttnUpBlock2D", "UpBlock2D"),
                layers,
                c.sizes(headsField, levels, 8),
                c.nestedSizes("transformer_layers_per_block", levels, layers, 1),
                upDepths(c, levels, layers, reversed(upLayers)),
                c.sizes("cross_attention_dim", levels, 1280),
                c.flags("only_cross_attention", levels),
                c.size("norm_num_groups", 32),
                c.number("norm_eps", 1e-5f),
                c.flag("flip_sin_to_cos", true),
                c.integer("freq_shift", 0),
                c.size("time_embedding_dim", 4 * channels.get(0)),
                c.size("time_cond_proj_dim", 0),
                textTime ? c.size("addition_time_embed_dim") : 0,
                textTime ? c.size("projection_class_embeddings_input_dim") : 0,
                c.size("conv_in_kernel", 3),
                c.size("conv_out_kernel", 3),
                c.size("sample_size", 0));
    }

    /** Number of levels. */
    public int levels() {
        return channels.size();
    }

    /** Channels of keys and values of each attention that looks at the text alone, in the order of their use: down, middle, up. */
    public List<Integer> textAttentionWidths() {
        List<Integer> widths = new ArrayList<>();
        for (int level = 0; level < levels(); level++) {
            addWidths(widths, level, downCross.get(level) ? depths.get(level) : List.of());
        }
        addWidths(widths, levels() - 1, midCross ? depths.get(levels() - 1).subList(0, 1) : List.of());
        for (int index = 0; index < levels(); index++) {
            addWidths(widths, levels() - 1 - index, upCross.get(index) ? upDepths.get(index) : List.of());
        }
        return widths;
    }

    private void addWidths(List<Integer> widths, int level, List<Integer> levelDepths) {
        int inner = channels.get(level) / heads.get(level) * heads.get(level);
        int count = levelDepths.stream().mapToInt(depth -> depth).sum();
        widths.addAll(Collections.nCopies(count, inner));
    }

    /** A copy in the opposite order. */
    static <T> List<T> reversed(List<T> list) {
        List<T> copy = new ArrayList<>(list);
        Collections.reverse(copy);
        return List.copyOf(copy);
    }

    private static List<List<Integer>> upDepths(Config c, int levels, List<Integer> layers, List<Integer> upLayers) {
        if (c.has("reverse_transformer_layers_per_block")) {
            return c.nestedSizes("reverse_transformer_layers_per_block", levels, upLayers, 1);
        }
        List<List<Integer>> down = reversed(c.nestedSizes("transformer_layers_per_block", levels, layers, 1));
        List<List<Integer>> up = new ArrayList<>();
        for (int i = 0; i < levels; i++) {
            if (down.get(i).stream().distinct().count() > 1) {
                throw c.fail(
                        "transformer_layers_per_block",
                        "differs within a level, so that the way up needs"
                                + " reverse_transformer_layers_per_block, which is missing");
            }
            up.add(Collections.nCopies(upLayers.get(i), down.get(i).get(0)));
        }
        return up;
    }

    private static List<Boolean> crosses(Config c, String field, int levels, String with, String without) {
        List<Boolean> crosses = new ArrayList<>();
        for (String type : c.texts(field)) {
            if (!type.equals(with) && !type.equals(without)) {
                throw c.fail(field, "has " + type + ", which is not supported; supported: " + with + ", " + without);
            }
            crosses.add(type.equals(with));
        }
        if (crosses.size() != levels) {
            throw c.fail(field, "must have " + levels + " elements as block_out_channels, has " + crosses.size());
        }
        return crosses;
    }

    private static void requireSupported(Config c) {
        c.require("_class_name", "UNet2DConditionModel");
        c.require("act_fn", "silu", "swish");
        c.require("addition_embed_type", "text_time");
        c.require("attention_type", "default");
        c.require("center_input_sample", false);
        c.require("class_embed_type");
        c.require("class_embeddings_concat", false);
        c.require("cross_attention_norm");
        c.require("downsample_padding", 1);
        c.require("dual_cross_attention", false);
        c.require("encoder_hid_dim");
        c.require("encoder_hid_dim_type");
        c.require("mid_block_scale_factor", 1);
        c.require("mid_block_type", MID_CROSS, "UNetMidBlock2D");
        c.require("num_class_embeds");
        c.require("resnet_out_scale_factor", 1);
        c.require("resnet_skip_time_act", false);
        c.require("resnet_time_scale_shift", "default");
        c.require("time_embedding_act_fn");
        c.require("time_embedding_type", "positional");
        c.require("timestep_post_act");
    }
}
