package dev.darkroom.nn;

/** The activations of CLIP's feed-forward layers. */
public enum Activation {
    GELU,
    QUICK_GELU
}
