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

    private static final int WIDTH = 512; // where a configuration does not say

    /**
     * Reads the config.json of a text encoder.
     *
     * @param source where it stands, for messages
     * @throws IllegalArgumentException naming the field that is missing, malformed or not supported
     */
    public static ClipTextConfig of(String source, JsonNode json) {
        Config c = new Config(source, json);
        boolean projects = c.has("architectures") && c.texts("architectures").contains("CLIPTextModelWithProjection");
        return of(c, projects ? c.size("projection_dim", c.size("hidden_size", WIDTH)) : 0);
    }

    /** As {@link #of(String, JsonNode)}, with this many channels of the projected text embedding. */
    static ClipTextConfig of(Config c, int projection) {
        ClipTransformer.Sizes sizes = ClipTransformer.Sizes.of(c, WIDTH, 2048, 8);
        return new ClipTextConfig(
                c.size("vocab_size", 49408),
                c.size("max_position_embeddings", 77),
                sizes.width(),
                sizes.inner(),
                sizes.layers(),
                sizes.heads(),
                sizes.activation(),
                sizes.epsilon(),
                c.integer("eos_token_id", 49407),
                projection);
    }

    ClipTransformer.Sizes sizes() {
        return new ClipTransformer.Sizes(width, inner, layers, heads, activation, epsilon);
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
