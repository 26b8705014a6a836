package dev.darkroom.weights;

import dev.darkroom.tensor.HostTensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;

/** Spells a model's tensors as original single-file checkpoints do: the inverse of {@link OriginalWeights}. */
public final class OriginalNames {
    static final String UNET = "model.diffusion_model.";
    static final String VAE = "first_stage_model.";
    static final String SD1_TEXT = "cond_stage_model.transformer.";
    static final String SD2_TEXT = "cond_stage_model.model.";
    static final String SDXL_TEXT = "conditioner.embedders.0.transformer.";
    static final String SDXL_TEXT_2 = "conditioner.embedders.1.model.";
    static final String REFINER_TEXT = "conditioner.embedders.0.model.";

    private static final String LAYERS = "text_model.encoder.layers.";

    private final Map<String, HostTensor> tensors = new LinkedHashMap<>();

    private OriginalNames() {}

    /**
     * All tensors of a model under their original names; their bytes are read when they are asked for.
     *
     * <p>Stable Diffusion 2 text encoders have a last layer in single files that nothing uses and diffusers drops; a copy of the one
     * before stands in for it.
     *
     * @throws WeightsException when a tensor has no place in such a file
     */
    public static Map<String, HostTensor> of(ModelFiles model) {
        OriginalNames original = new OriginalNames();
        WeightSource unet = model.weights("unet");
        original.addAll(unet, UNET, UnetNames.fromDiffusers(unet.names()), UnaryOperator.identity());
        WeightSource vae = model.weights("vae");
        original.addAll(vae, VAE, VaeNames.fromDiffusers(vae.names()), TensorViews::asConvolution);
        switch (model.family()) {
            case SD1 -> original.addUnchanged(model.weights("text_encoder"), SD1_TEXT);
            case SD2 -> original.addOpenClip(model.weights("text_encoder"), SD2_TEXT, 1);
            case SDXL -> {
                original.addUnchanged(model.weights("text_encoder"), SDXL_TEXT);
                original.addOpenClip(model.weights("text_encoder_2"), SDXL_TEXT_2, 0);
            }
            case SDXL_REFINER -> original.addOpenClip(model.weights("text_encoder_2"), REFINER_TEXT, 0);
        }
        return original.tensors;
    }

    private void addUnchanged(WeightSource weights, String prefix) {
        weights.names().forEach(name -> tensors.put(prefix + name, weights.get(name)));
    }

    private void addAll(
            WeightSource weights, String prefix, ModuleNames names, UnaryOperator<HostTensor> changeMatrix) {
        for (String name : weights.names()) {
            HostTensor tensor = weights.get(name);
            tensors.put(
                    prefix + original(weights, names, name),
                    tensor.shape().rank() == 2 ? changeMatrix.apply(tensor) : tensor);
        }
    }

    private void addOpenClip(WeightSource weights, String prefix, int repeats) {
        int layers = Indices.count(weights.names(), LAYERS + "%d.");
        ModuleNames names = OpenClipNames.of(layers);
        for (String name : weights.names()) {
            if (name.equals("text_projection.weight")) {
                tensors.put(prefix + "text_projection", TensorViews.transposed(weights.get(name)));
            } else if (name.contains(".self_attn.q_proj.")) {
                String fused = name.replace("q_proj.", "in_proj_");
                tensors.put(prefix + original(weights, names, fused), projections(weights, name));
            } else if (!name.contains(".self_attn.k_proj.") && !name.contains(".self_attn.v_proj.")) {
                tensors.put(prefix + original(weights, names, name), weights.get(name));
            }
        }
        for (int i = layers; i < layers + repeats; i++) {
            repeatLayer(prefix + "transformer.resblocks.", layers - 1, i);
        }
    }

    private void repeatLayer(String prefix, int from, int to) {
        for (Map.Entry<String, HostTensor> tensor : new ArrayList<>(tensors.entrySet())) {
            if (tensor.getKey().startsWith(prefix + from + ".")) {
                tensors.put(tensor.getKey().replace(prefix + from + ".", prefix + to + "."), tensor.getValue());
            }
        }
    }

    private static HostTensor projections(WeightSource weights, String query) {
        return TensorViews.joined(List.of(
                weights.get(query),
                weights.get(query.replace("q_proj", "k_proj")),
                weights.get(query.replace("q_proj", "v_proj"))));
    }

    private static String original(WeightSource weights, ModuleNames names, String name) {
        return names.toOriginal(name)
                .orElseThrow(() -> new WeightsException(weights.describe() + ": tensor \"" + name
                        + "\" has no place in a single-file checkpoint; keep this model as a folder"));
    }
}
