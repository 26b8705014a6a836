package dev.darkroom.weights;

import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Finds the weight that a LoRA's module means. Files separate the parts of a path by dots or by underscores, and begin it in a dozen ways;
 * so all spellings are compared with underscores alone, and without that beginning.
 */
final class LoraTargets {
    /** The network that a module's name begins with, longest first. */
    private static final Map<String, String> BEGINNINGS = new LinkedHashMap<>();

    static {
        for (String clipL : List.of("lora_te1_", "lora_te_", "text_encoders_clip_l_transformer_", "clip_l_transformer_")) {
            BEGINNINGS.put(clipL, "text_encoder");
        }
        for (String clipG : List.of("lora_te2_", "text_encoder_2_", "text_encoders_clip_g_transformer_", "clip_g_transformer_")) {
            BEGINNINGS.put(clipG, "text_encoder_2");
        }
        BEGINNINGS.put("text_encoders_clip_h_transformer_", "text_encoder");
        BEGINNINGS.put("text_encoder_", "text_encoder");
        for (String unet : List.of("lora_unet_", "model_diffusion_model_", "diffusion_model_", "base_model_model_", "unet_", "")) {
            BEGINNINGS.put(unet, "unet");
        }
    }

    private final Map<String, Map<String, String>> modules = new HashMap<>();

    /** Adds the weights of a network. */
    void add(String network, WeightSource weights) {
        Map<String, String> spellings = modules.computeIfAbsent(network, name -> new HashMap<>());
        ModuleNames original = network.equals("unet") ? UnetNames.fromDiffusers(weights.names()) : new ModuleNames();
        for (String name : weights.names()) {
            if (!name.endsWith(".weight")) {
                continue;
            }
            String module = name.substring(0, name.length() - ".weight".length());
            spellings.put(underscored(module), module);
            original.toOriginal(module).ifPresent(other -> spellings.put(underscored(other), module));
            if (module.startsWith("text_model.")) {
                spellings.put(underscored(module.substring("text_model.".length())), module);
            }
        }
    }

    /** A module of a network. */
    record Target(String network, String module) {}

    /** The module that {@code name} means, or null where the networks have none such. */
    @Nullable Target find(String name) {
        String spelling = underscored(name);
        for (Map.Entry<String, String> beginning : BEGINNINGS.entrySet()) {
            if (spelling.startsWith(beginning.getKey())) {
                String module = modules.getOrDefault(beginning.getValue(), Map.of())
                        .get(spelling.substring(beginning.getKey().length()));
                if (module != null) {
                    return new Target(beginning.getValue(), module);
                }
            }
        }
        return null;
    }

    /** With underscores for dots; attention projections as they are called now, not {@code attn1.processor.to_out}. */
    private static String underscored(String name) {
        String present = name.replace(".processor.", ".");
        return (present.endsWith(".to_out") ? present + ".0" : present).replace('.', '_');
    }
}
