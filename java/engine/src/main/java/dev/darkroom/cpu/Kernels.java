package dev.darkroom.cpu;

import java.util.HashMap;
import java.util.Map;
import java.util.function.Function;

/** The kernels made so far, by what they compute: making one compiles machine code and takes a millisecond. */
final class Kernels {
    private final OneDnn library;
    private final Map<Object, Kernel> byKey = new HashMap<>();

    Kernels(OneDnn library) {
        this.library = library;
    }

    OneDnn library() {
        return library;
    }

    /** The kernel for {@code key}, made by {@code maker} when it is wanted for the first time. */
    <K> Kernel get(K key, Function<K, Kernel> maker) {
        Kernel kernel = byKey.get(key);
        if (kernel == null) {
            kernel = maker.apply(key);
            byKey.put(key, kernel);
        }
        return kernel;
    }

    int size() {
        return byKey.size();
    }
}
