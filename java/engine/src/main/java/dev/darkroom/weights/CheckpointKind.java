package dev.darkroom.weights;

import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** What a safetensors file holds, told from the names of its tensors. */
public enum CheckpointKind {
    SD1("a Stable Diffusion 1 checkpoint", ModelFamily.SD1),
    SD2("a Stable Diffusion 2 checkpoint", ModelFamily.SD2),
    SDXL("a Stable Diffusion XL checkpoint", ModelFamily.SDXL),
    SDXL_REFINER("a Stable Diffusion XL refiner", ModelFamily.SDXL_REFINER),
    ORIGINAL_UNET("a U-Net (original names) without text encoder", null),
    ORIGINAL_VAE("a VAE (original names)", null),
    DIFFUSERS_VAE("a VAE (diffusers names)", null),
    DIFFUSERS_UNET("a U-Net (diffusers names)", null),
    CONTROLNET("a ControlNet", null),
    T2I_ADAPTER("a T2I-Adapter", null),
    IP_ADAPTER("an IP-Adapter", null),
    TAESD("a tiny autoencoder (TAESD)", null),
    CLIP("a CLIP model", null),
    IMAGE_ENCODER("a CLIP image encoder", null),
    TEXT_ENCODER("a CLIP text encoder", null),
    LORA("a LoRA", null),
    UNKNOWN("of an unknown kind", null);

    private final String title;
    private final @Nullable ModelFamily family;

    CheckpointKind(String title, @Nullable ModelFamily family) {
        this.title = title;
        this.family = family;
    }

    /** In words, to follow "it is". */
    public String title() {
        return title;
    }

    /** The family of a whole model, or null for anything less. */
    public @Nullable ModelFamily family() {
        return family;
    }

    /** The kind of a file whose tensors have these names. */
    public static CheckpointKind of(Set<String> names) {
        if (names.stream().anyMatch(name -> name.contains("lora_down") || name.contains("lora_A"))) {
            return LORA;
        }
        if (Indices.anyStartsWith(names, ControlNetNames.PREFIX + "input_hint_block.")
                || Indices.anyStartsWith(names, "input_hint_block.")
                || Indices.anyStartsWith(names, "controlnet_")) {
            return CONTROLNET; // also in a file that holds the model too
        }
        if (Indices.anyStartsWith(names, OriginalNames.UNET)) {
            return ofOriginal(names);
        }
        if (names.contains("ip_adapter.1.to_k_ip.weight")) {
            return IP_ADAPTER;
        }
        if (names.contains("adapter.body.0.resnets.0.block1.weight")
                || names.contains("body.0.resnets.0.block1.weight")) {
            return T2I_ADAPTER;
        }
        if (isTaesd(names)) {
            return TAESD;
        }
        if (names.contains("mid_block.resnets.0.conv1.weight")) {
            return DIFFUSERS_UNET;
        }
        if (names.contains("decoder.mid.block_1.conv1.weight")
                || names.contains(OriginalNames.VAE + "decoder.mid.block_1.conv1.weight")) {
            return ORIGINAL_VAE;
        }
        if (names.contains("decoder.mid_block.resnets.0.conv1.weight")) {
            return DIFFUSERS_VAE;
        }
        boolean text = names.stream().anyMatch(name -> name.endsWith("embeddings.token_embedding.weight"));
        if (names.stream().anyMatch(name -> name.endsWith("embeddings.patch_embedding.weight"))) {
            return text ? CLIP : IMAGE_ENCODER;
        }
        return text ? TEXT_ENCODER : UNKNOWN;
    }

    /** Of both halves, or of one of them alone; their third layer is a block, whatever the spelling. */
    private static boolean isTaesd(Set<String> names) {
        return Stream.of("decoder.layers.2", "taesd_decoder.3", "3")
                .anyMatch(
                        block -> names.contains(block + ".conv.0.weight") && names.contains(block + ".conv.4.weight"));
    }

    private static CheckpointKind ofOriginal(Set<String> names) {
        if (Indices.anyStartsWith(names, OriginalNames.SDXL_TEXT_2)) {
            return SDXL;
        }
        if (Indices.anyStartsWith(names, OriginalNames.REFINER_TEXT)) {
            return SDXL_REFINER;
        }
        if (Indices.anyStartsWith(names, OriginalNames.SD2_TEXT)) {
            return SD2;
        }
        return Indices.anyStartsWith(names, OriginalNames.SD1_TEXT) ? SD1 : ORIGINAL_UNET;
    }
}
