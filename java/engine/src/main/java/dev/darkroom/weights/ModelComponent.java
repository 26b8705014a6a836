package dev.darkroom.weights;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** One part of a model (U-Net, VAE, text encoder, scheduler, tokenizer): its config and, where it has any, its weights. */
public final class ModelComponent {
    private static final List<String> CONFIGS =
            List.of("config.json", "scheduler_config.json", "tokenizer_config.json", "preprocessor_config.json");

    /** In the order of preference: safetensors before pickles, whole before sharded, full before fp16. */
    private static final List<String> WEIGHTS = List.of(
            "diffusion_pytorch_model.safetensors",
            "model.safetensors",
            "diffusion_pytorch_model.safetensors.index.json",
            "model.safetensors.index.json",
            "diffusion_pytorch_model.fp16.safetensors",
            "model.fp16.safetensors",
            "diffusion_pytorch_model.safetensors.index.fp16.json",
            "model.safetensors.index.fp16.json",
            "diffusion_pytorch_model.fp16.safetensors.index.json",
            "model.fp16.safetensors.index.json",
            "diffusion_pytorch_model.bin",
            "pytorch_model.bin",
            "diffusion_pytorch_model.bin.index.json",
            "pytorch_model.bin.index.json",
            "diffusion_pytorch_model.fp16.bin",
            "pytorch_model.fp16.bin");

    private final JsonNode config;
    private final boolean network;
    private final Supplier<WeightSource> weights;
    private final Optional<Path> folder;

    private ModelComponent(JsonNode config, boolean network, Supplier<WeightSource> weights, Optional<Path> folder) {
        this.config = config;
        this.network = network;
        this.weights = weights;
        this.folder = folder;
    }

    /** A network of a single file. */
    static ModelComponent network(JsonNode config, WeightSource weights) {
        return new ModelComponent(config, true, () -> weights, Optional.empty());
    }

    /** A scheduler or tokenizer of a single file, of which there is only the config. */
    static ModelComponent configOnly(String description, JsonNode config) {
        return new ModelComponent(config, false, () -> noWeights(description), Optional.empty());
    }

    private static WeightSource noWeights(String description) {
        throw new WeightsException(description + " is no network and has no weights");
    }

    /**
     * The component in a folder of diffusers' layout: a config and, for networks, weights beside it. Its weights are opened when
     * they are asked for.
     *
     * @throws WeightsException when the folder or its config is missing or broken
     */
    public static ModelComponent open(Path folder) {
        if (!Files.isDirectory(folder)) {
            throw new WeightsException(folder + ": there is no such folder; check the path, or download it again");
        }
        Path config = CONFIGS.stream()
                .map(folder::resolve)
                .filter(Files::isRegularFile)
                .findFirst()
                .orElseThrow(() -> new WeightsException(
                        folder + " has none of " + String.join(", ", CONFIGS) + "; download it again"));
        JsonNode node = Json.readObject(config);
        boolean network = config.endsWith("config.json");
        return new ModelComponent(
                node,
                network,
                () -> network ? openWeights(folder, node) : noWeights(folder.toString()),
                Optional.of(folder));
    }

    /**
     * The VAE in a file: one shared on its own, under original or diffusers names, or that of a whole checkpoint. Its config is the
     * published one of Stable Diffusion 1, corrected by the tensors' shapes.
     *
     * @throws WeightsException when the file is broken or holds no VAE
     */
    public static ModelComponent openVae(Path file) {
        return SingleFile.openVae(TensorFile.open(file));
    }

    /** The config, as the folder or the published model has it. */
    public JsonNode config() {
        return config;
    }

    /** Whether this is a network, which has weights. */
    public boolean isNetwork() {
        return network;
    }

    /**
     * The weights under the names diffusers gives them today; CLIP's encoders with the prefix {@code text_model.} or {@code vision_model.}.
     *
     * @throws WeightsException when there are none, or they are broken
     */
    public WeightSource weights() {
        return weights.get();
    }

    /** The folder it was read from, where vocabularies lie; empty for the parts of a single file. */
    public Optional<Path> folder() {
        return folder;
    }

    /** This component with another config. */
    ModelComponent withConfig(JsonNode other) {
        return new ModelComponent(other, network, weights, folder);
    }

    private static WeightSource openWeights(Path folder, JsonNode config) {
        Path file = WEIGHTS.stream()
                .map(folder::resolve)
                .filter(Files::isRegularFile)
                .findFirst()
                .orElseThrow(() -> new WeightsException(folder + " has no weights: looked for "
                        + String.join(", ", WEIGHTS.subList(0, 4)) + " and their fp16 and .bin variants, found "
                        + listing(folder)));
        WeightSource weights =
                file.toString().endsWith(".json") ? ShardedWeights.open(file) : TensorFile.open(file);
        if (config.path("_class_name").asText().equals("AutoencoderKL")) {
            return DiffusersNames.vae(weights);
        }
        if (isEncoder(config, "CLIPTextModel", "clip_text_model")) {
            return DiffusersNames.textEncoder(weights);
        }
        return isEncoder(config, "CLIPVisionModel", "clip_vision_model")
                ? DiffusersNames.imageEncoder(weights)
                : weights;
    }

    /** Whether a transformers config is of this class, with a projection or without. */
    private static boolean isEncoder(JsonNode config, String className, String modelType) {
        return config.path("architectures").path(0).asText().startsWith(className)
                || config.path("model_type").asText().equals(modelType);
    }

    /** The file names in {@code folder}, for messages. */
    static String listing(Path folder) {
        try (Stream<Path> files = Files.list(folder)) {
            String names = files.map(file -> file.getFileName().toString())
                    .sorted()
                    .limit(12)
                    .collect(Collectors.joining(", "));
            return names.isEmpty() ? "nothing" : names;
        } catch (IOException e) {
            return "nothing that can be read (" + e.getMessage() + ")";
        }
    }
}
