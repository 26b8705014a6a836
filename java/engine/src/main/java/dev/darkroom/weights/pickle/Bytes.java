package dev.darkroom.weights.pickle;

/** Python's bytes; nothing in weights needs what they are, only that they are there. */
public record Bytes(int length) {}
