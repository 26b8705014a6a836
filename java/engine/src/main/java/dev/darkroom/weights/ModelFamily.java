package dev.darkroom.weights;

/** The families of latent diffusion models that differ in what surrounds the same kind of U-Net. */
public enum ModelFamily {
    /** Stable Diffusion 1.x: CLIP ViT-L text, transformers entered through 1x1 convolutions. */
    SD1("Stable Diffusion 1"),
    /** Stable Diffusion 2.x: OpenCLIP ViT-H text, transformers entered through linear layers. */
    SD2("Stable Diffusion 2"),
    /** Stable Diffusion XL: two text encoders, pooled text and picture sizes added to the time embedding. */
    SDXL("Stable Diffusion XL"),
    /** The refiner of Stable Diffusion XL: its second text encoder alone, and an aesthetic score in place of the target size. */
    SDXL_REFINER("Stable Diffusion XL refiner");

    private final String title;

    ModelFamily(String title) {
        this.title = title;
    }

    /** Whether it is a Stable Diffusion XL model: texts are taken from the layer before the last, and pooled; sizes are told. */
    public boolean isXl() {
        return this == SDXL || this == SDXL_REFINER;
    }

    /** The name people know. */
    public String title() {
        return title;
    }
}
