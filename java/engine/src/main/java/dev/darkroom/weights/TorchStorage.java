package dev.darkroom.weights;

/**
 * Values of one type in a PyTorch file.
 *
 * @param position where they begin in the file, in bytes
 * @param elements how many there are
 */
record TorchStorage(StoredType type, long position, long elements) {}
