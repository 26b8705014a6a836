package dev.darkroom.weights;

import dev.darkroom.spelling.NearNames;
import dev.darkroom.tensor.Shape;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Words the error for a tensor that is not there: its full name, its expected shape, and the nearest name that is. */
final class MissingTensor {
    private MissingTensor() {}

    static WeightsException in(WeightSource source, String name, @Nullable Shape expected) {
        StringBuilder message = new StringBuilder(source.describe())
                .append(" has no tensor \"")
                .append(name)
                .append('"');
        if (expected != null) {
            message.append(", expected with shape ").append(expected);
        }
        Optional<String> nearest =
                NearNames.of(name, source.names(), 1).stream().findFirst();
        message.append(
                nearest.map(other -> "; the nearest name is \"" + other + "\"").orElse("; it has no tensors at all"));
        return new WeightsException(message.append(". Check that config.json belongs to these weights")
                .toString());
    }
}
