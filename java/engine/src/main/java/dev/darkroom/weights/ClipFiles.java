package dev.darkroom.weights;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A whole CLIP model on disk, spelled as transformers' CLIPModel spells it: from a folder of that class, or from a diffusers folder that has
 * the parts of one.
 *
 * <p>A diffusers folder has the text encoder in {@code text_encoder} and the image encoder in {@code image_encoder}. The two tensors that it has no place
 * for, {@code text_projection.weight} and {@code logit_scale}, lie in {@code image_encoder/text_projection.safetensors}.
 *
 * @param location     where the model lies
 * @param config       as config.json of a CLIPModel
 * @param weights      named as those of a CLIPModel
 * @param tokenizer    the folder of the tokenizer's files; empty where the model says nothing of its tokenizer
 * @param preprocessor what preprocessor_config.json says of pictures; empty where there is none
 */
public record ClipFiles(
        String location, JsonNode config, WeightSource weights, Optional<Path> tokenizer, Optional<JsonNode> preprocessor) {
    private static final String PREPROCESSOR = "preprocessor_config.json";
    private static final String EXTRA = "text_projection.safetensors";

    /**
     * Opens a folder, or a model of the local Hugging Face cache by its name {@code org/name}. Nothing is downloaded.
     *
     * @throws WeightsException when there is no such model, or it is no whole CLIP model; says what it lacks
     */
    public static ClipFiles open(String spec) {
        Path path = ModelFiles.pathOf(spec);
        if (Files.isDirectory(path)) {
            return ofFolder(path);
        }
        if (Files.exists(path)) {
            throw new WeightsException(path + " is a file, and a CLIP model is a folder: give one with config.json and"
                    + " model.safetensors of transformers' CLIPModel, or a diffusers folder with an image_encoder");
        }
        if (HuggingFaceCache.isModelName(spec)) {
            return ofFolder(HuggingFaceCache.ofEnvironment().snapshot(spec));
        }
        throw new WeightsException("there is no CLIP model \"" + spec + "\": no such folder; give a folder of"
                + " transformers' CLIPModel, a diffusers folder with an image_encoder, or org/name of the local Hugging Face cache");
    }

    private static ClipFiles ofFolder(Path folder) {
        return Files.isRegularFile(folder.resolve(DiffusersFolder.INDEX)) ? ofDiffusers(folder) : ofTransformers(folder);
    }

    private static ClipFiles ofTransformers(Path folder) {
        ModelComponent model = ModelComponent.open(folder);
        JsonNode config = model.config();
        boolean whole = config.path("model_type").asText().equals("clip")
                || config.path("architectures").path(0).asText().equals("CLIPModel");
        if (!whole) {
            String kind = config.path("architectures").path(0).asText(config.path("model_type").asText("of another kind"));
            throw new WeightsException(folder + " is no whole CLIP model: its config.json says " + kind
                    + "; give a folder whose config.json says CLIPModel");
        }
        Path preprocessor = folder.resolve(PREPROCESSOR);
        return new ClipFiles(
                folder.toString(),
                config,
                model.weights(),
                Optional.of(folder),
                Files.isRegularFile(preprocessor) ? Optional.of(Json.readObject(preprocessor)) : Optional.empty());
    }

    private static ClipFiles ofDiffusers(Path folder) {
        ModelFiles model = ModelFiles.open(folder.toString());
        if (!model.has("image_encoder")) {
            throw new WeightsException(folder + " has no image encoder: its " + DiffusersFolder.INDEX + " lists "
                    + String.join(", ", model.names()) + "; give a model whose folder image_encoder was downloaded as well, or a folder of"
                    + " transformers' CLIPModel");
        }
        ModelComponent text = model.component("text_encoder");
        ModelComponent image = model.component("image_encoder");
        List<WeightSource> sources = new ArrayList<>(List.of(text.weights(), image.weights()));
        Path extra = folder.resolve("image_encoder").resolve(EXTRA);
        if (Files.isRegularFile(extra)) {
            sources.add(SafetensorsFile.open(extra));
        }
        WeightSource weights = new JoinedWeights(sources);
        for (String needed : List.of("text_projection.weight", "logit_scale")) {
            if (!weights.has(needed)) {
                throw new WeightsException(folder + " has both encoders of a CLIP model but no \"" + needed + "\": looked in "
                        + weights.describe() + " and for " + extra + "; give the folder of transformers' CLIPModel that they are from");
            }
        }
        return new ClipFiles(
                folder.toString(),
                joined(text.config(), image.config()),
                weights,
                model.has("tokenizer") ? model.component("tokenizer").folder() : Optional.empty(),
                model.has("feature_extractor")
                        ? Optional.of(model.config("feature_extractor"))
                        : Optional.empty());
    }

    private static JsonNode joined(JsonNode text, JsonNode image) {
        ObjectNode config = JsonNodeFactory.instance.objectNode();
        config.set("text_config", text);
        config.set("vision_config", image);
        if (image.has("projection_dim")) {
            config.set("projection_dim", image.path("projection_dim"));
        }
        return config;
    }
}
