package dev.darkroom.weights;

import dev.darkroom.tensor.HostTensor;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.function.UnaryOperator;

/** Weights seen under other names, some of them reshaped, cut or transposed on the way. */
final class RenamedWeights implements WeightSource {
    /** A tensor's new name, and how it is seen under it. */
    record View(String name, UnaryOperator<HostTensor> change) {
        /** The tensor as it is, under {@code name}. */
        static View named(String name) {
            return new View(name, UnaryOperator.identity());
        }
    }

    private record Origin(String name, UnaryOperator<HostTensor> change) {}

    private final WeightSource base;
    private final Map<String, Origin> origins = new LinkedHashMap<>();

    /**
     * Weights with the names that {@code translation} gives to those of {@code base}: none for a tensor that is left out, several for
     * one that is cut up.
     *
     * @throws WeightsException when two tensors would get the same name
     */
    RenamedWeights(WeightSource base, Function<String, List<View>> translation) {
        this.base = base;
        for (String original : base.names()) {
            for (View view : translation.apply(original)) {
                Origin before = origins.put(view.name(), new Origin(original, view.change()));
                if (before != null) {
                    throw new WeightsException(base.describe() + ": tensors \"" + before.name() + "\" and \"" + original
                            + "\" are both spellings of \"" + view.name() + "\"; remove one of them");
                }
            }
        }
    }

    @Override
    public Set<String> names() {
        return Collections.unmodifiableSet(origins.keySet());
    }

    @Override
    public boolean has(String name) {
        return origins.containsKey(name);
    }

    @Override
    public HostTensor get(String name) {
        Origin origin = origins.get(name);
        if (origin == null) {
            throw MissingTensor.in(this, name, null);
        }
        return origin.change().apply(base.get(origin.name()));
    }

    @Override
    public String describe() {
        return base.describe();
    }
}
