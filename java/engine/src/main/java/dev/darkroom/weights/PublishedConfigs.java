package dev.darkroom.weights;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import java.util.Locale;

/** The configs of the published models: Stable Diffusion 1.5, Stable Diffusion 2.1 (768, v-prediction), SDXL base and refiner 1.0. */
public final class PublishedConfigs {
    private static final ObjectMapper MAPPER = new ObjectMapper();

    private PublishedConfigs() {}

    /** The components of a model of this family. */
    public static List<String> components(ModelFamily family) {
        return switch (family) {
            case SD1, SD2 -> List.of("unet", "vae", "text_encoder", "scheduler", "tokenizer");
            case SDXL ->
                List.of("unet", "vae", "text_encoder", "text_encoder_2", "scheduler", "tokenizer", "tokenizer_2");
            case SDXL_REFINER -> List.of("unet", "vae", "text_encoder_2", "scheduler", "tokenizer_2");
        };
    }

    /** The config of a component, or of {@code model_index}; a copy to be changed at will. */
    public static ObjectNode of(ModelFamily family, String component) {
        String resource = family.name().toLowerCase(Locale.ROOT) + "/" + component + ".json";
        try (InputStream in = PublishedConfigs.class.getResourceAsStream(resource)) {
            if (in == null) {
                throw new IllegalArgumentException(family.title() + " has no published config for " + component);
            }
            return (ObjectNode) MAPPER.readTree(in);
        } catch (IOException e) {
            throw new IllegalStateException("the built-in config " + resource + " cannot be read", e);
        }
    }
}
