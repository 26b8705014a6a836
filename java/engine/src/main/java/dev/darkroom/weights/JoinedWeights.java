package dev.darkroom.weights;

import dev.darkroom.tensor.HostTensor;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/** Weights of several sources seen as one; where two have a name, the first gives it. */
record JoinedWeights(List<WeightSource> sources) implements WeightSource {
    @Override
    public Set<String> names() {
        return sources.stream()
                .flatMap(source -> source.names().stream())
                .collect(Collectors.toCollection(LinkedHashSet::new));
    }

    @Override
    public boolean has(String name) {
        return sources.stream().anyMatch(source -> source.has(name));
    }

    @Override
    public HostTensor get(String name) {
        return sources.stream()
                .filter(source -> source.has(name))
                .findFirst()
                .orElseThrow(() -> MissingTensor.in(this, name, null))
                .get(name);
    }

    @Override
    public String describe() {
        return sources.stream().map(WeightSource::describe).collect(Collectors.joining(" and "));
    }
}
