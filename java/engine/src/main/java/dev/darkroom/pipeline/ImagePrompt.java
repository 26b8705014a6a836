package dev.darkroom.pipeline;

import java.util.List;

/**
 * Pictures that the U-Net attends to beside the text, by an IP-Adapter.
 *
 * @param adapter    where the adapter lies: a .safetensors file
 * @param embeddings of the pictures, as the image encoder that the adapter was trained with gives them, projected (image_embeds)
 * @param scale      how much they count beside the text
 */
public record ImagePrompt(String adapter, List<float[]> embeddings, double scale) {
    public ImagePrompt {
        embeddings = embeddings.stream().map(float[]::clone).toList();
    }
}
