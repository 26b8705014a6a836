package dev.darkroom.weights;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Opens a whole model in one file of the original names, whatever the file's format, as CompVis (SD1), Stability AI (SD2) and SGM (SDXL) write it. Its kind is told
 * from the tensors, never from the file's name; its configs are the published ones, corrected by the tensors' shapes.
 */
final class SingleFile {
    private final TensorFile file;
    private final ModelFamily family;
    private final Map<String, ModelComponent> components = new LinkedHashMap<>();

    private SingleFile(TensorFile file, ModelFamily family) {
        this.file = file;
        this.family = family;
    }

    static ModelFiles open(TensorFile file) {
        CheckpointKind kind = CheckpointKind.of(file.names());
        ModelFamily family = kind.family();
        if (family == null) {
            throw new WeightsException(file.path() + " is not a whole model: it is " + kind.title() + examples(file)
                    + "; give a checkpoint with U-Net, VAE and text encoder, or a diffusers folder");
        }
        return new SingleFile(file, family).open();
    }

    /** The VAE in a file of its own, under original or diffusers names. */
    static ModelComponent openVae(TensorFile file) {
        WeightSource weights =
                switch (CheckpointKind.of(file.names())) {
                    case DIFFUSERS_VAE -> DiffusersNames.vae(file);
                    case ORIGINAL_VAE, SD1, SD2, SDXL, SDXL_REFINER ->
                        OriginalWeights.vae(
                                file, Indices.anyStartsWith(file.names(), OriginalNames.VAE) ? OriginalNames.VAE : "");
                    default ->
                        throw new WeightsException(file.path() + " holds no VAE: it is "
                                + CheckpointKind.of(file.names()).title() + examples(file) + "; give a VAE's weights");
                };
        ObjectNode config = ShapeConfigs.vae(PublishedConfigs.of(ModelFamily.SD1, "vae"), weights);
        return ModelComponent.network(config, weights);
    }

    private ModelFiles open() {
        int pooledWidth = 0;
        switch (family) {
            case SD1 -> addText("text_encoder", OriginalWeights.clip(file, OriginalNames.SD1_TEXT));
            case SD2 -> addText("text_encoder", OriginalWeights.openClip(file, OriginalNames.SD2_TEXT, 1, false));
            case SDXL -> {
                addText("text_encoder", OriginalWeights.clip(file, OriginalNames.SDXL_TEXT));
                JsonNode second =
                        addText("text_encoder_2", OriginalWeights.openClip(file, OriginalNames.SDXL_TEXT_2, 0, true));
                pooledWidth = second.path("projection_dim").asInt();
            }
            case SDXL_REFINER ->
                pooledWidth = addText(
                                "text_encoder_2",
                                OriginalWeights.openClip(file, OriginalNames.REFINER_TEXT, 0, true))
                        .path("projection_dim")
                        .asInt();
        }
        WeightSource unet = OriginalWeights.unet(file, OriginalNames.UNET);
        add("unet", ShapeConfigs.unet(PublishedConfigs.of(family, "unet"), unet, pooledWidth, family), unet);
        WeightSource vae = OriginalWeights.vae(file, OriginalNames.VAE);
        if (vae.names().isEmpty()) {
            throw new WeightsException(
                    file.path() + " holds no VAE (" + OriginalNames.VAE + "*); give a complete checkpoint");
        }
        add("vae", ShapeConfigs.vae(PublishedConfigs.of(family, "vae"), vae), vae);
        for (String name : PublishedConfigs.components(family)) {
            components.computeIfAbsent(name, this::withoutWeights);
        }
        ObjectNode scheduler = PublishedConfigs.of(family, "scheduler");
        boolean told = SinglePrediction.put(scheduler, file.metadata(), file.names());
        components.put("scheduler", ModelComponent.configOnly("the scheduler of " + file.path(), scheduler));
        boolean assumed = !told && family == ModelFamily.SD2 && unet.get("conv_in.weight").shape().dim(1) == 4;
        return new ModelFiles(
                file.path().toString(), family, PublishedConfigs.of(family, "model_index"), components, assumed);
    }

    private JsonNode addText(String name, WeightSource weights) {
        ObjectNode config = ShapeConfigs.text(PublishedConfigs.of(family, name), weights);
        add(name, config, weights);
        return config;
    }

    private void add(String name, JsonNode config, WeightSource weights) {
        components.put(name, ModelComponent.network(config, weights));
    }

    private ModelComponent withoutWeights(String name) {
        return ModelComponent.configOnly("the " + name + " of " + file.path(), PublishedConfigs.of(family, name));
    }

    private static String examples(TensorFile file) {
        return file.names().stream()
                .limit(3)
                .reduce((a, b) -> a + ", " + b)
                .map(names -> " (" + file.names().size() + " tensors, as " + names + ")")
                .orElse(" (it has no tensors)");
    }
}
