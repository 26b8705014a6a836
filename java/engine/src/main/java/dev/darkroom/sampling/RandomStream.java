package dev.darkroom.sampling;

/** A stream of random numbers of one image, which depends on its seed only. */
public interface RandomStream {
    /** The next {@code count} standard normal numbers, as one call of torch.randn draws them: in the order [c, h, w] for latents. */
    float[] normal(int count);
}
