package dev.darkroom.weights;

import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.HostTensor;
import dev.darkroom.tensor.Shape;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/**
 * Weights that have whatever is asked of them, as shapes without values: what the dry device is given, and, as it remembers what was
 * asked for, the list of a network's tensors.
 *
 * <p>{@link #has} answers false until a tensor was asked for: what a network consists of must follow from its config alone.
 */
public final class ShapesOnlyWeights implements WeightSource {
    private final String description;
    private final DType dtype;
    private final Map<String, Shape> asked = Collections.synchronizedMap(new LinkedHashMap<>());

    /** Weights of type {@code dtype}; {@code description} stands in messages. */
    public ShapesOnlyWeights(String description, DType dtype) {
        this.description = description;
        this.dtype = dtype;
    }

    /** The tensors asked for so far with their shapes, in the order of asking. */
    public Map<String, Shape> asked() {
        synchronized (asked) {
            return new LinkedHashMap<>(asked);
        }
    }

    @Override
    public Set<String> names() {
        return asked().keySet();
    }

    @Override
    public boolean has(String name) {
        return asked.containsKey(name);
    }

    @Override
    public HostTensor get(String name) {
        Shape shape = asked.get(name);
        if (shape == null) {
            throw new WeightsException(
                    description + ": the shape of \"" + name + "\" is not known; ask for it with one");
        }
        return HostTensor.shapeOnly(name, shape, dtype);
    }

    @Override
    public HostTensor get(String name, Shape expected) {
        Shape before = asked.putIfAbsent(name, expected);
        if (before != null && !before.equals(expected)) {
            throw new WeightsException(
                    description + ": \"" + name + "\" was asked for as " + before + " and now as " + expected);
        }
        return HostTensor.shapeOnly(name, expected, dtype);
    }

    @Override
    public String describe() {
        return description;
    }
}
