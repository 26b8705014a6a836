package dev.darkroom.weights;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/** Opens a model folder of diffusers' layout: {@code model_index.json} and a folder for each component it lists. */
final class DiffusersFolder {
    static final String INDEX = "model_index.json";

    private static final Set<String> NEEDED =
            Set.of("unet", "vae", "text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2", "scheduler");

    private DiffusersFolder() {}

    static ModelFiles open(Path folder) {
        Path index = folder.resolve(INDEX);
        if (!Files.isRegularFile(index)) {
            throw new WeightsException(folder + " is no model folder: it has no " + INDEX + ", only "
                    + ModelComponent.listing(folder) + "; give the folder that holds unet, vae and text_encoder");
        }
        JsonNode json = Json.readObject(index);
        Map<String, ModelComponent> components = new LinkedHashMap<>();
        for (Map.Entry<String, JsonNode> entry : json.properties()) {
            String name = entry.getKey();
            if (isComponent(entry.getValue()) && isWanted(index, name)) {
                components.put(name, ModelComponent.open(folderOf(index, name)));
            }
        }
        require(index, components, "vae");
        ModelFamily family =
                family(require(index, components, "unet").config(), components.containsKey("text_encoder"));
        return new ModelFiles(folder.toString(), family, json, components, false);
    }

    /** Components are listed as [library, class]; one that the model does without as [null, null]. */
    private static boolean isComponent(JsonNode value) {
        return value.isArray() && value.size() == 2 && value.get(1).isTextual();
    }

    /** What a picture takes must be there; anything else, as image encoders, may have been left out of a download. */
    private static boolean isWanted(Path index, String name) {
        return NEEDED.contains(name) || !name.equals("safety_checker") && Files.isDirectory(folderPath(index, name));
    }

    private static Path folderOf(Path index, String name) {
        Path folder = folderPath(index, name);
        if (!Files.isDirectory(folder)) {
            throw new WeightsException(
                    folder + " is missing: " + INDEX + " lists the component " + name + "; download it");
        }
        return folder;
    }

    private static Path folderPath(Path index, String name) {
        if (!name.matches("\\w+")) {
            throw new WeightsException(
                    index + " lists the component \"" + name + "\", which is no folder name; do not use this folder");
        }
        return index.resolveSibling(name);
    }

    private static ModelComponent require(Path index, Map<String, ModelComponent> components, String name) {
        ModelComponent component = components.get(name);
        if (component == null) {
            throw new WeightsException(index + " lists no " + name + ", only " + String.join(", ", components.keySet())
                    + "; this is no Stable Diffusion 1, 2 or XL model");
        }
        return component;
    }

    /** The refiner is the SDXL model without the first text encoder. */
    private static ModelFamily family(JsonNode unet, boolean hasFirstEncoder) {
        if (unet.path("addition_embed_type").asText().equals("text_time")) {
            return hasFirstEncoder ? ModelFamily.SDXL : ModelFamily.SDXL_REFINER;
        }
        return unet.path("use_linear_projection").asBoolean() ? ModelFamily.SD2 : ModelFamily.SD1;
    }
}
