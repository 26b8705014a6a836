package dev.darkroom.weights;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Map;
import java.util.Set;

/**
 * What a single file says of what its U-Net predicts: ModelSpec's {@code modelspec.predict_key}, or the empty tensors {@code v_pred} and {@code ztsnr} by
 * which SDXL models with v-prediction and zero terminal SNR make themselves known.
 */
final class SinglePrediction {
    private static final String KEY = "modelspec.predict_key";

    private SinglePrediction() {}

    /** Puts what the file says into the scheduler's config; false where it says nothing. */
    static boolean put(ObjectNode scheduler, Map<String, String> metadata, Set<String> tensors) {
        if (tensors.contains("ztsnr")) {
            scheduler.put("rescale_betas_zero_snr", true);
        }
        if (tensors.contains("v_pred")) {
            scheduler.put("prediction_type", "v_prediction");
            return true;
        }
        String said = metadata.getOrDefault(KEY, "");
        switch (said) {
            case "v" -> scheduler.put("prediction_type", "v_prediction");
            case "epsilon" -> scheduler.put("prediction_type", "epsilon");
            default -> {
                return false; // other values are not ModelSpec's
            }
        }
        return true;
    }
}
