package dev.darkroom.pipeline;

import dev.darkroom.models.unet.Conditioning;
import java.util.List;

/**
 * What guides the steps of a job.
 *
 * @param variants      what the U-Net sees of the texts: the images without their prompts, where there is guidance, then with each part of the prompts
 * @param variantOfCall which of them each model call sees; empty where there is one
 * @param weights       how much each part guides; none for no guidance
 */
record Guidance(List<Conditioning> variants, List<Integer> variantOfCall, List<Double> weights) {
    /** By one text for all steps; {@code guided} says whether each prediction is made twice, without and with the prompt. */
    static Guidance of(Conditioning conditioning, boolean guided) {
        return new Guidance(List.of(conditioning), List.of(), guided ? List.of(1.0) : List.of());
    }

    boolean isGuided() {
        return !weights.isEmpty();
    }

    /** Whether calls see different texts. */
    boolean switches() {
        return variants.size() > 1;
    }

    /** The index of what call {@code index} sees. */
    int variant(int index) {
        return switches() ? variantOfCall.get(index) : 0;
    }
}
