package dev.darkroom.models.clip;

import com.fasterxml.jackson.databind.JsonNode;
import dev.darkroom.nn.Activation;
import dev.darkroom.weights.Config;

/**
 * The anatomy of an image encoder, from a transformers config.json.
 *
 * @param imageSize  height and width of the pictures it takes, in pixels
 * @param patch      height and width of the squares that become tokens, in pixels
 * @param width      channels of the tokens
 * @param inner      channels inside the feed-forward layers
 * @param layers     number of layers
 * @param heads      attention heads
 * @param activation of the feed-forward layers: quick_gelu in OpenAI's CLIP, gelu in OpenCLIP
 * @param epsilon    of the normalisations
 * @param projection channels of the projected image embedding; 0 for encoders without a projection
 */
public record ClipVisionConfig(
        int imageSize,
        int patch,
        int width,
        int inner,
        int layers,
        int heads,
        Activation activation,
        float epsilon,
        int projection) {

    /** Red, green, blue. */
    static final int CHANNELS = 3;

    /**
     * Reads the config.json of an image encoder.
     *
     * @param source where it stands, for messages
     * @throws IllegalArgumentException naming the field that is missing, malformed or not supported
     */
    public static ClipVisionConfig of(String source, JsonNode json) {
        Config c = new Config(source, json);
        boolean projects = c.has("architectures") && c.texts("architectures").contains("CLIPVisionModelWithProjection");
        return of(c, projects ? c.size("projection_dim", 512) : 0);
    }

    /** As {@link #of(String, JsonNode)}, with this many channels of the projected image embedding. */
    static ClipVisionConfig of(Config c, int projection) {
        c.require("num_channels", CHANNELS);
        ClipTransformer.Sizes sizes = ClipTransformer.Sizes.of(c, 768, 3072, 12);
        ClipVisionConfig config = new ClipVisionConfig(
                c.size("image_size", 224),
                c.size("patch_size", 32),
                sizes.width(),
                sizes.inner(),
                sizes.layers(),
                sizes.heads(),
                sizes.activation(),
                sizes.epsilon(),
                projection);
        if (config.patch > config.imageSize) {
            throw c.fail("patch_size", "is " + config.patch + ", more than image_size, " + config.imageSize);
        }
        return config;
    }

    /** How many tokens a picture becomes: its patches, and the class token before them. */
    public int tokens() {
        int side = imageSize / patch; // what is left over at the right and at the bottom is not looked at
        return side * side + 1;
    }

    ClipTransformer.Sizes sizes() {
        return new ClipTransformer.Sizes(width, inner, layers, heads, activation, epsilon);
    }
}
