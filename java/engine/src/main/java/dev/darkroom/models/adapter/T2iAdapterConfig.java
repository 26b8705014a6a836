package dev.darkroom.models.adapter;

import com.fasterxml.jackson.databind.JsonNode;
import dev.darkroom.weights.Config;
import java.util.List;

/**
 * The anatomy of a T2I-Adapter, from a diffusers config.json.
 *
 * @param pictureChannels channels of the control picture: 3, or 1 for those that take grey ones
 * @param channels        channels of each level's features
 * @param layers          residual blocks of each level
 * @param patch           pixels in each direction that become channels of one pixel first
 * @param xl              whether it is one for SDXL, which halves the size once only, on the way to level 2
 */
public record T2iAdapterConfig(int pictureChannels, List<Integer> channels, int layers, int patch, boolean xl) {
    /** The class that config.json names. */
    public static final String CLASS = "T2IAdapter";

    private static final List<Integer> PUBLISHED = List.of(320, 640, 1280, 1280);

    /**
     * Reads a config.json.
     *
     * @param source where it stands, for messages
     * @throws IllegalArgumentException naming the field that is missing, malformed or not supported
     */
    public static T2iAdapterConfig of(String source, JsonNode json) {
        Config c = new Config(source, json);
        c.require("_class_name", CLASS);
        c.require("adapter_type", "full_adapter", "full_adapter_xl");
        boolean xl = c.text("adapter_type", "full_adapter").equals("full_adapter_xl");
        return new T2iAdapterConfig(
                c.size("in_channels", 3),
                c.has("channels") ? c.sizes("channels") : PUBLISHED,
                c.size("num_res_blocks", 2),
                c.size("downscale_factor", xl ? 16 : 8),
                xl);
    }

    /** Whether level {@code level} has half the size of the one before. */
    boolean halves(int level) {
        return xl ? level == 2 : level > 0;
    }

    /** Channels that level {@code level} takes. */
    int in(int level) {
        boolean changes = xl ? level == 1 || level == 2 : level > 0;
        return channels.get(changes ? level - 1 : level);
    }
}
