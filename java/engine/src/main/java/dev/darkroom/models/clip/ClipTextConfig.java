package dev.darkroom.models.clip;

import com.fasterxml.jackson.databind.JsonNode;
import dev.darkroom.nn.Activation;
import dev.darkroom.weights.Config;

/**
 * The anatomy of a text encoder, from a transformers config.json.
 *
 * @param vocabulary  number of token ids
 * @param positions   number of token positions: 77
 * @param width       channels of the tokens
 * @param inner       channels inside the feed-forward layers
 * @param layers      number of layers
 * @param heads       attention heads
 * @param activation  of the feed-forward layers: quick_gelu in OpenAI's CLIP, gelu in OpenCLIP
 * @param epsilon     of the normalisations
 * @param endId       the id whose first position is pooled; 2 stands for "the largest id", as old configurations mean it
 * @param projection  channels of the projected text embedding; 0 for encoders without a projection
 */
public record ClipTextConfig(
        int vocabulary,
        int positions,
        int width,
        int inner,
        int layers,
        int heads,
        Activation activation,
        float epsilon,
        int endId,
        int projection) {

    /**
     * Reads a config.json.
     *
     * @param source where it stands, for messages
     * @throws IllegalArgumentException naming the field that is missing, malformed or not supported
     */
    public static ClipTextConfig of(String source, JsonNode json) {
        Config c = new Config(source, json);
        c.require("hidden_act", "quick_gelu", "gelu");
        int width = c.size("hidden_size", 512);
        boolean projects = c.has("architectures") && c.texts("architectures").contains("CLIPTextModelWithProjection");
        return new ClipTextConfig(
                c.size("vocab_size", 49408),
                c.size("max_position_embeddings", 77),
                width,
                c.size("intermediate_size", 2048),
                c.size("num_hidden_layers", 12),
                c.size("num_attention_heads", 8),
                c.text("hidden_act", "quick_gelu").equals("gelu") ? Activation.GELU : Activation.QUICK_GELU,
                c.number("layer_norm_eps", 1e-5f),
                c.integer("eos_token_id", 49407),
                projects ? c.size("projection_dim", width) : 0);
    }

    /** The same encoder with {@code tokens} more ids, as learnt embeddings add them. */
    public ClipTextConfig withMoreTokens(int tokens) {
        return new ClipTextConfig(
                vocabulary + tokens,
                positions,
                width,
                inner,
                layers,
                heads,
                activation,
                epsilon,
                endId,
                projection);
    }
}
