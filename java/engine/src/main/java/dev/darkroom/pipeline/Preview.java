package dev.darkroom.pipeline;

import dev.darkroom.image.Picture;
import dev.darkroom.tensor.Device;
import dev.darkroom.tensor.Tensor;

/** Draws what latents between two steps look like. */
interface Preview {
    /** latents [1, h, w, c] times {@code scale}, in the U-Net's scale → a picture. */
    Picture of(Device device, Tensor latents, double scale);
}
