package dev.darkroom.weights.pickle;

/** A reference to what lies outside the pickle, as PyTorch refers to the values of a tensor. */
public record PersistentId(Object id) {}
