package dev.darkroom.weights;

/** The families of latent diffusion models that differ in what surrounds the same kind of U-Net. */
public enum ModelFamily {
    /** Stable Diffusion 1.x: CLIP ViT-L text, transformers entered through 1x1 convolutions. */
    SD1("Stable Diffusion 1"),
    /** Stable Diffusion 2.x: OpenCLIP ViT-H text, transformers entered through linear layers. */
    SD2("Stable Diffusion 2"),
    /** Stable Diffusion XL: two text encoders, pooled text and picture sizes added to the time embedding. */
    SDXL("Stable Diffusion XL");

    private final String title;

    ModelFamily(String title) {
        this.title = title;
    }

    /** The name people know. */
    public String title() {
        return title;
    }
}
