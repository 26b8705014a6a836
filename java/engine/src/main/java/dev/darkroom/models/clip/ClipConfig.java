package dev.darkroom.models.clip;

import com.fasterxml.jackson.databind.JsonNode;
import dev.darkroom.weights.Config;

/**
 * The anatomy of a whole CLIP model, from the config.json of transformers' CLIPModel.
 *
 * @param text  its text encoder
 * @param image its image encoder; both project to as many channels
 */
public record ClipConfig(ClipTextConfig text, ClipVisionConfig image) {
    /**
     * Reads a config.json, which holds a configuration for each encoder.
     *
     * @param source where it stands, for messages
     * @throws IllegalArgumentException naming the field that is missing, malformed or not supported
     */
    public static ClipConfig of(String source, JsonNode json) {
        int projection = new Config(source, json).size("projection_dim", 512);
        return new ClipConfig(
                ClipTextConfig.of(new Config(source + ", text_config", json.path("text_config")), projection),
                ClipVisionConfig.of(new Config(source + ", vision_config", json.path("vision_config")), projection));
    }
}
