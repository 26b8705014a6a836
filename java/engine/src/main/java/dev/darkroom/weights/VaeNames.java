package dev.darkroom.weights;

import java.util.Set;

/** The VAE's modules in original checkpoints and in diffusers, which counts the decoder's levels from the latents upwards. */
final class VaeNames {
    private final ModuleNames names = new ModuleNames();

    private VaeNames() {}

    /** The names for a VAE whose tensors, spelled originally, are these. */
    static ModuleNames fromOriginal(Set<String> tensors) {
        return new VaeNames()
                .all(Indices.count(tensors, "encoder.down.%d."), Indices.count(tensors, "encoder.down.0.block.%d."));
    }

    /** The names for a VAE whose tensors, spelled by diffusers, are these. */
    static ModuleNames fromDiffusers(Set<String> tensors) {
        return new VaeNames()
                .all(
                        Indices.count(tensors, "encoder.down_blocks.%d."),
                        Indices.count(tensors, "encoder.down_blocks.0.resnets.%d."));
    }

    private ModuleNames all(int levels, int layers) {
        names.pair("quant_conv", "quant_conv");
        names.pair("post_quant_conv", "post_quant_conv");
        for (int level = 0; level < levels; level++) {
            String down = "encoder.down." + level;
            String downBlock = "encoder.down_blocks." + level;
            for (int j = 0; j < layers; j++) {
                addResnet(down + ".block." + j, downBlock + ".resnets." + j);
            }
            names.pair(down + ".downsample.conv", downBlock + ".downsamplers.0.conv");
            String up = "decoder.up." + (levels - 1 - level);
            String upBlock = "decoder.up_blocks." + level;
            for (int j = 0; j <= layers; j++) {
                addResnet(up + ".block." + j, upBlock + ".resnets." + j);
            }
            names.pair(up + ".upsample.conv", upBlock + ".upsamplers.0.conv");
        }
        addEnds("encoder");
        addEnds("decoder");
        return names;
    }

    private void addEnds(String half) {
        names.pair(half + ".conv_in", half + ".conv_in");
        names.pair(half + ".norm_out", half + ".conv_norm_out");
        names.pair(half + ".conv_out", half + ".conv_out");
        addResnet(half + ".mid.block_1", half + ".mid_block.resnets.0");
        addResnet(half + ".mid.block_2", half + ".mid_block.resnets.1");
        String original = half + ".mid.attn_1";
        String diffusers = half + ".mid_block.attentions.0";
        names.pair(original + ".norm", diffusers + ".group_norm");
        names.pair(original + ".q", diffusers + ".to_q");
        names.pair(original + ".k", diffusers + ".to_k");
        names.pair(original + ".v", diffusers + ".to_v");
        names.pair(original + ".proj_out", diffusers + ".to_out.0");
    }

    private void addResnet(String original, String diffusers) {
        names.pair(original + ".norm1", diffusers + ".norm1");
        names.pair(original + ".conv1", diffusers + ".conv1");
        names.pair(original + ".norm2", diffusers + ".norm2");
        names.pair(original + ".conv2", diffusers + ".conv2");
        names.pair(original + ".nin_shortcut", diffusers + ".conv_shortcut");
    }
}
