package dev.darkroom.weights;

import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * The two names of each module, in an original checkpoint and in diffusers.
 *
 * <p>A tensor's name is translated by the longest listed module it begins with; what follows is spelled the same in both.
 */
final class ModuleNames {
    private final Map<String, String> toDiffusers = new HashMap<>();
    private final Map<String, String> toOriginal = new HashMap<>();

    /** Adds a module (or a whole tensor name). */
    void pair(String original, String diffusers) {
        toDiffusers.put(original, diffusers);
        toOriginal.put(diffusers, original);
    }

    /** The name diffusers gives to the tensor {@code original}; empty when its module is not listed. */
    Optional<String> toDiffusers(String original) {
        return translate(toDiffusers, original);
    }

    /** The name of diffusers' tensor {@code diffusers} in an original checkpoint; empty when its module is not listed. */
    Optional<String> toOriginal(String diffusers) {
        return translate(toOriginal, diffusers);
    }

    private static Optional<String> translate(Map<String, String> modules, String name) {
        for (int end = name.length(); end > 0; end = name.lastIndexOf('.', end - 1)) {
            String module = modules.get(name.substring(0, end));
            if (module != null) {
                return Optional.of(module + name.substring(end));
            }
        }
        return Optional.empty();
    }
}
