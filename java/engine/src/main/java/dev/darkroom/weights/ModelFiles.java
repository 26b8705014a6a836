package dev.darkroom.weights;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/**
 * A model on disk, whatever its layout: for each component ({@code unet}, {@code vae}, {@code text_encoder}, {@code text_encoder_2},
 * {@code scheduler}, {@code tokenizer}, {@code tokenizer_2}) its config and its weights, spelled as diffusers spells them.
 */
public final class ModelFiles {
    private final String location;
    private final ModelFamily family;
    private final JsonNode index;
    private final Map<String, ModelComponent> components;
    private final boolean predictionAssumed;

    ModelFiles(
            String location,
            ModelFamily family,
            JsonNode index,
            Map<String, ModelComponent> components,
            boolean predictionAssumed) {
        this.location = location;
        this.family = family;
        this.index = index;
        this.predictionAssumed = predictionAssumed;
        this.components = Collections.unmodifiableMap(new LinkedHashMap<>(components));
    }

    /**
     * Opens a diffusers folder, a single file (safetensors, PyTorch's .ckpt, GGUF), or a model of the local Hugging Face cache by its name {@code org/name} or
     * {@code org/name@revision}. Nothing is downloaded.
     *
     * @throws WeightsException when there is no such model, or it is incomplete, broken or of an unknown kind
     */
    public static ModelFiles open(String spec) {
        return open(spec, Map.of());
    }

    /** As {@link #open(String)}, with configs that replace those found, by component; for what tensors do not tell, as head counts. */
    public static ModelFiles open(String spec, Map<String, JsonNode> configs) {
        Path path = pathOf(spec);
        if (Files.isDirectory(path)) {
            return DiffusersFolder.open(path).withConfigs(configs);
        }
        if (Files.exists(path)) {
            return SingleFile.open(TensorFile.open(path)).withConfigs(configs);
        }
        if (HuggingFaceCache.isModelName(spec)) {
            return DiffusersFolder.open(HuggingFaceCache.ofEnvironment().snapshot(spec))
                    .withConfigs(configs);
        }
        throw new WeightsException("there is no model \"" + spec
                + "\": no such folder or file; give a diffusers folder, a .safetensors, .ckpt or .gguf file,"
                + " or org/name of the local Hugging Face cache");
    }

    /** Where the model lies. */
    public String location() {
        return location;
    }

    public ModelFamily family() {
        return family;
    }

    /** Whether the U-Net takes the mask and the masked picture's latents beside the latents: 9 channels. */
    public boolean isInpainting() {
        return config("unet").path("in_channels").asInt() == 9;
    }

    /**
     * Whether the scheduler's {@code prediction_type} is only that of the published model: single files of Stable Diffusion 2 come with noise and
     * with velocity prediction, and most do not say with which.
     */
    public boolean isPredictionAssumed() {
        return predictionAssumed;
    }

    /** What {@code model_index.json} says, or would say of a single file: the pipeline's class and settings, and its components. */
    public JsonNode index() {
        return index;
    }

    /** The names of the components. */
    public Set<String> names() {
        return components.keySet();
    }

    public boolean has(String component) {
        return components.containsKey(component);
    }

    /**
     * A component by its name.
     *
     * @throws WeightsException when the model has none of this name
     */
    public ModelComponent component(String name) {
        ModelComponent component = components.get(name);
        if (component == null) {
            throw new WeightsException(
                    location + " has no " + name + "; it has " + String.join(", ", components.keySet()));
        }
        return component;
    }

    /** The config of a component. */
    public JsonNode config(String component) {
        return component(component).config();
    }

    /** The weights of a component. */
    public WeightSource weights(String component) {
        return component(component).weights();
    }

    private ModelFiles withConfigs(Map<String, JsonNode> configs) {
        Map<String, ModelComponent> changed = new LinkedHashMap<>(components);
        configs.forEach((name, config) -> changed.put(name, component(name).withConfig(config)));
        boolean assumed = predictionAssumed && !configs.containsKey("scheduler");
        return new ModelFiles(location, family, index, changed, assumed);
    }

    static Path pathOf(String spec) {
        try {
            return Path.of(spec);
        } catch (InvalidPathException e) {
            throw new WeightsException("\"" + spec + "\" is not a path: " + e.getReason(), e);
        }
    }
}
