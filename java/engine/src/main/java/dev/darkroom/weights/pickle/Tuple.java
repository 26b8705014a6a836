package dev.darkroom.weights.pickle;

import java.util.List;

/** Python's tuple. */
public record Tuple(List<Object> items) {}
