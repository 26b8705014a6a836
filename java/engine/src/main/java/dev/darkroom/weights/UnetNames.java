package dev.darkroom.weights;

import java.util.Set;

/**
 * The U-Net's modules in original checkpoints, where blocks are numbered through ({@code input_blocks.4.0}), and in diffusers, where
 * they are nested ({@code down_blocks.1.resnets.0}).
 */
final class UnetNames {
    private final ModuleNames names = new ModuleNames();
    private final int levels;
    private final int layers;

    private UnetNames(int levels, int layers) {
        this.levels = levels;
        this.layers = layers;
    }

    /** The names for a U-Net whose tensors, spelled originally, are these. */
    static ModuleNames fromOriginal(Set<String> tensors) {
        int blocks = Indices.count(tensors, "input_blocks.%d.0.");
        int downsamplers = 0;
        int first = blocks;
        for (int n = blocks - 1; n > 0; n--) {
            if (tensors.contains("input_blocks." + n + ".0.op.weight")) {
                downsamplers++;
                first = n;
            }
        }
        UnetNames unet = new UnetNames(downsamplers + 1, first - 1);
        unet.addAll(level -> tensors.contains("output_blocks." + unet.outputBlock(level, 0) + ".1.norm.weight"));
        return unet.names;
    }

    /** The names for a U-Net whose tensors, spelled by diffusers, are these. */
    static ModuleNames fromDiffusers(Set<String> tensors) {
        int levels = Indices.count(tensors, "down_blocks.%d.");
        UnetNames unet = new UnetNames(levels, Indices.count(tensors, "down_blocks.0.resnets.%d."));
        unet.addAll(level -> tensors.contains("up_blocks." + level + ".attentions.0.norm.weight"));
        return unet.names;
    }

    /** Whether an up block has attention, which decides the place of its upsampler in the original. */
    private interface UpAttention {
        boolean at(int level);
    }

    private void addAll(UpAttention attention) {
        names.pair("input_blocks.0.0", "conv_in");
        names.pair("time_embed.0", "time_embedding.linear_1");
        names.pair("time_embed.2", "time_embedding.linear_2");
        names.pair("time_embed.cond_proj", "time_embedding.cond_proj");
        names.pair("label_emb.0.0", "add_embedding.linear_1");
        names.pair("label_emb.0.2", "add_embedding.linear_2");
        names.pair("out.0", "conv_norm_out");
        names.pair("out.2", "conv_out");
        addResnet("middle_block.0", "mid_block.resnets.0");
        names.pair("middle_block.1", "mid_block.attentions.0");
        addResnet("middle_block.2", "mid_block.resnets.1");
        for (int level = 0; level < levels; level++) {
            addDownBlock(level);
            addUpBlock(level, attention.at(level));
        }
    }

    private void addDownBlock(int level) {
        String block = "down_blocks." + level;
        int first = 1 + level * (layers + 1);
        for (int j = 0; j < layers; j++) {
            addResnet("input_blocks." + (first + j) + ".0", block + ".resnets." + j);
            names.pair("input_blocks." + (first + j) + ".1", block + ".attentions." + j);
        }
        names.pair("input_blocks." + (first + layers) + ".0.op", block + ".downsamplers.0.conv");
    }

    private void addUpBlock(int level, boolean attention) {
        String block = "up_blocks." + level;
        for (int j = 0; j <= layers; j++) {
            addResnet("output_blocks." + outputBlock(level, j) + ".0", block + ".resnets." + j);
            if (attention) {
                names.pair("output_blocks." + outputBlock(level, j) + ".1", block + ".attentions." + j);
            }
        }
        int place = attention ? 2 : 1;
        names.pair("output_blocks." + outputBlock(level, layers) + "." + place + ".conv", block + ".upsamplers.0.conv");
    }

    private int outputBlock(int level, int layer) {
        return level * (layers + 1) + layer;
    }

    private void addResnet(String original, String diffusers) {
        names.pair(original + ".in_layers.0", diffusers + ".norm1");
        names.pair(original + ".in_layers.2", diffusers + ".conv1");
        names.pair(original + ".emb_layers.1", diffusers + ".time_emb_proj");
        names.pair(original + ".out_layers.0", diffusers + ".norm2");
        names.pair(original + ".out_layers.3", diffusers + ".conv2");
        names.pair(original + ".skip_connection", diffusers + ".conv_shortcut");
    }
}
