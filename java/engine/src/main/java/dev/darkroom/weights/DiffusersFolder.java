package dev.darkroom.weights;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** Opens a model folder of diffusers' layout: {@code model_index.json} and a folder for each component it lists. */
final class DiffusersFolder {
    private static final String INDEX = "model_index.json";

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
            if (isComponent(entry.getValue()) && !name.equals("safety_checker")) {
                components.put(name, ModelComponent.open(folderOf(index, name)));
            }
        }
        require(index, components, "vae");
        ModelFamily family = family(require(index, components, "unet").config());
        return new ModelFiles(folder.toString(), family, json, components);
    }

    /** Components are listed as [library, class]; one that the model does without as [null, null]. */
    private static boolean isComponent(JsonNode value) {
        return value.isArray() && value.size() == 2 && value.get(1).isTextual();
    }

    private static Path folderOf(Path index, String name) {
        if (!name.matches("\\w+")) {
            throw new WeightsException(
                    index + " lists the component \"" + name + "\", which is no folder name; do not use this folder");
        }
        Path folder = index.resolveSibling(name);
        if (!Files.isDirectory(folder)) {
            throw new WeightsException(
                    folder + " is missing: " + INDEX + " lists the component " + name + "; download it");
        }
        return folder;
    }

    private static ModelComponent require(Path index, Map<String, ModelComponent> components, String name) {
        ModelComponent component = components.get(name);
        if (component == null) {
            throw new WeightsException(index + " lists no " + name + ", only " + String.join(", ", components.keySet())
                    + "; this is no Stable Diffusion model");
        }
        return component;
    }

    private static ModelFamily family(JsonNode unet) {
        if (unet.path("addition_embed_type").asText().equals("text_time")) {
            return ModelFamily.SDXL;
        }
        return unet.path("use_linear_projection").asBoolean() ? ModelFamily.SD2 : ModelFamily.SD1;
    }
}
