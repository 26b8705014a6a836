package dev.darkroom.weights;

import dev.darkroom.tensor.HostTensor;
import dev.darkroom.tensor.Shape;

/**
 * A place among the weights: a network walks down from the root and asks each place for its tensors.
 *
 * <pre>{@code
 * WeightPath resnet = weights.at("down_blocks").at(0).at("resnets").at(1);
 * HostTensor kernel = resnet.at("conv1").tensor("weight", 320, 320, 3, 3); // "down_blocks.0.resnets.1.conv1.weight"
 * }</pre>
 */
public final class WeightPath {
    private final WeightSource source;
    private final String path;

    private WeightPath(WeightSource source, String path) {
        this.source = source;
        this.path = path;
    }

    /** The root of these weights. */
    public static WeightPath of(WeightSource source) {
        return new WeightPath(source, "");
    }

    /** The place {@code name} below this one; {@code name} may hold dots. */
    public WeightPath at(String name) {
        return new WeightPath(source, full(name));
    }

    /** The place {@code index} below this one. */
    public WeightPath at(int index) {
        return at(Integer.toString(index));
    }

    /**
     * The tensor {@code name} of this place, checked to have the shape {@code expected}.
     *
     * @throws WeightsException when it is missing or has another shape
     */
    public HostTensor tensor(String name, int... expected) {
        return tensor(name, Shape.of(expected));
    }

    /** As {@link #tensor(String, int...)}. */
    public HostTensor tensor(String name, Shape expected) {
        return source.get(full(name), expected);
    }

    /** Whether this place has a tensor {@code name}; for what a config does not tell. */
    public boolean has(String name) {
        return source.has(full(name));
    }

    /** The names walked so far, joined by dots; empty at the root. */
    public String path() {
        return path;
    }

    /** The source and the path, for messages. */
    @Override
    public String toString() {
        return path.isEmpty() ? source.describe() : source.describe() + " at " + path;
    }

    private String full(String name) {
        return path.isEmpty() ? name : path + "." + name;
    }
}
