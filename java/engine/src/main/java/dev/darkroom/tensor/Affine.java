package dev.darkroom.tensor;

/**
 * Gain and bias of a normalisation, per channel.
 *
 * @param gain f32 [c]
 * @param bias f32 [c]
 */
public record Affine(Tensor gain, Tensor bias) {}
