package dev.darkroom.weights.pickle;

/** Python's None. */
public enum None {
    NONE
}
