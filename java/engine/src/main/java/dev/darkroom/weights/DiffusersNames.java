package dev.darkroom.weights;

import dev.darkroom.weights.RenamedWeights.View;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Brings the older spellings found in diffusers folders to one: VAE attention as {@code to_q, to_k, to_v, to_out.0}, text encoders with
 * the prefix {@code text_model.} and image encoders with {@code vision_model.}, which transformers writes up to version 4 and omits from 5 on.
 */
final class DiffusersNames {
    private static final Pattern VAE_ATTENTION = Pattern.compile(
            "(.*\\.attentions\\.\\d+)\\.(query|key|value|proj_attn|to_q|to_k|to_v|to_out\\.0)\\.(\\w+)");

    private DiffusersNames() {}

    /** The weights of a VAE under the present names; attention weights as matrices even where they are stored as 1x1 convolutions. */
    static WeightSource vae(WeightSource weights) {
        return new RenamedWeights(weights, name -> {
            Matcher attention = VAE_ATTENTION.matcher(name);
            if (!attention.matches()) {
                return List.of(View.named(name));
            }
            String projection =
                    switch (attention.group(2)) {
                        case "query" -> "to_q";
                        case "key" -> "to_k";
                        case "value" -> "to_v";
                        case "proj_attn" -> "to_out.0";
                        default -> attention.group(2);
                    };
            String present = attention.group(1) + "." + projection + "." + attention.group(3);
            return List.of(new View(present, TensorViews::asMatrix));
        });
    }

    /** The weights of a CLIP text encoder under {@code text_model.…} (and {@code text_projection.weight}). */
    static WeightSource textEncoder(WeightSource weights) {
        return prefixed(weights, "text_model.", "text_projection.");
    }

    /** The weights of a CLIP image encoder under {@code vision_model.…} (and {@code visual_projection.weight}). */
    static WeightSource imageEncoder(WeightSource weights) {
        return prefixed(weights, "vision_model.", "visual_projection.");
    }

    private static WeightSource prefixed(WeightSource weights, String prefix, String projection) {
        return new RenamedWeights(weights, name -> {
            if (name.endsWith("embeddings.position_ids")) {
                return List.of(); // 0 to the last position, written by some versions of transformers
            }
            boolean complete = name.startsWith(prefix) || name.startsWith(projection);
            return List.of(View.named(complete ? name : prefix + name));
        });
    }
}
