package dev.darkroom.weights;

import java.util.Set;

/** The ControlNet's modules in original checkpoints ({@code zero_convs.3.0}) and in diffusers ({@code controlnet_down_blocks.3}). */
final class ControlNetNames {
    /** What the names of a ControlNet in a whole checkpoint begin with; files of the network alone may lack it. */
    static final String PREFIX = "control_model.";

    private ControlNetNames() {}

    /** The names for a ControlNet whose tensors, spelled originally and without prefix, are these. */
    static ModuleNames fromOriginal(Set<String> tensors) {
        ModuleNames names = UnetNames.fromOriginal(tensors);
        int hints = 0; // convolutions; the activations between them are counted too
        while (tensors.contains("input_hint_block." + 2 * hints + ".weight")) {
            hints++;
        }
        for (int i = 0; i < hints; i++) {
            String place = i == 0 ? "conv_in" : i == hints - 1 ? "conv_out" : "blocks." + (i - 1);
            names.pair("input_hint_block." + 2 * i, "controlnet_cond_embedding." + place);
        }
        for (int i = 0; i < Indices.count(tensors, "zero_convs.%d.0."); i++) {
            names.pair("zero_convs." + i + ".0", "controlnet_down_blocks." + i);
        }
        names.pair("middle_block_out.0", "controlnet_mid_block");
        return names;
    }
}
