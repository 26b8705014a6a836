package dev.darkroom.models.unet;

import dev.darkroom.tensor.Tensor;
import java.util.List;

/**
 * What a ControlNet adds to a U-Net (Zhang et al. 2023, figure 3). Of fewer images than the U-Net's they are meant for the last of its images.
 *
 * @param skips for each skip connection, the first convolution's first, [m, h, w, c]
 * @param mid   for the middle's result, [m, h, w, c]
 */
public record Residuals(List<Tensor> skips, Tensor mid) {}
