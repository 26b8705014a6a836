package dev.darkroom.pipeline;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import dev.darkroom.image.ClipPreprocessing;
import dev.darkroom.image.ClipPreprocessing.Channels;
import dev.darkroom.image.ClipPreprocessing.Resize;
import dev.darkroom.image.ClipPreprocessing.Size;
import dev.darkroom.image.Resampling;
import dev.darkroom.weights.Config;
import java.util.Optional;

/** Reads preprocessor_config.json of a CLIP model, in its present and its older spellings. */
public final class PreprocessorConfig {
    private static final float[] CLIP_MEAN = {0.48145467f, 0.4578275f, 0.40821072f};
    private static final float[] CLIP_STD = {0.26862955f, 0.2613026f, 0.2757771f};

    private PreprocessorConfig() {}

    /**
     * How pictures are prepared.
     *
     * @param source    where the configuration stands, for messages
     * @param json      the configuration; what it does not say is as OpenAI's CLIP has it
     * @param imageSize edge of the pictures that the image encoder takes, in pixels
     * @throws IllegalArgumentException naming the field that is malformed or not supported
     */
    public static ClipPreprocessing of(String source, JsonNode json, int imageSize) {
        Config c = new Config(source, json);
        float[] mean = c.flag("do_normalize", true) ? c.numbers("image_mean", CLIP_MEAN) : new float[3];
        float[] std = c.flag("do_normalize", true) ? c.numbers("image_std", CLIP_STD) : new float[] {1, 1, 1};
        for (float each : std) {
            if (!(each > 0)) {
                throw c.fail("image_std", "must be positive, is " + json.path("image_std"));
            }
        }
        return new ClipPreprocessing(
                c.flag("do_resize", true) ? Optional.of(resize(c, source, json, imageSize)) : Optional.empty(),
                c.flag("do_center_crop", true)
                        ? Optional.of(size(c, source, "crop_size", json, imageSize))
                        : Optional.empty(),
                c.flag("do_rescale", true) ? json.path("rescale_factor").asDouble(1 / 255.0) : 1,
                new Channels(mean[0], mean[1], mean[2]),
                new Channels(std[0], std[1], std[2]));
    }

    /** As {@link #of(String, JsonNode, int)}, where there is no configuration. */
    public static ClipPreprocessing standard(int imageSize) {
        return of("CLIP's preprocessing", MissingNode.getInstance(), imageSize);
    }

    private static Resize resize(Config c, String source, JsonNode json, int imageSize) {
        Resampling filter =
                switch (c.integer("resample", 3)) {
                    case 1 -> Resampling.LANCZOS;
                    case 2 -> Resampling.BILINEAR;
                    case 3 -> Resampling.BICUBIC;
                    default ->
                        throw c.fail(
                                "resample",
                                "is " + json.path("resample")
                                        + ", which is not supported; supported: 1 (Lanczos), 2 (bilinear), 3 (bicubic)");
                };
        JsonNode size = json.path("size");
        if (size.has("height") || size.has("width")) {
            return new Resize(0, size(c, source, "size", json, imageSize), filter);
        }
        if (size.isObject()) {
            return shortest(new Config(source + ", size", size).size("shortest_edge"), filter);
        }
        return shortest(c.size("size", imageSize), filter); // older configurations have the number alone
    }

    private static Resize shortest(int edge, Resampling filter) {
        return new Resize(edge, new Size(edge, edge), filter);
    }

    private static Size size(Config c, String source, String field, JsonNode json, int imageSize) {
        if (json.path(field).isObject()) {
            Config size = new Config(source + ", " + field, json.path(field));
            return new Size(size.size("width"), size.size("height"));
        }
        int edge = c.size(field, imageSize);
        return new Size(edge, edge);
    }
}
