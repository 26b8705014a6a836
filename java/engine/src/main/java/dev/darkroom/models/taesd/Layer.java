package dev.darkroom.models.taesd;

import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Tensor;
import java.util.List;

/** One of the layers that follow one another in a tiny autoencoder. */
@FunctionalInterface
interface Layer {
    /** x [n, h, w, c] → [n, h', w', c']. */
    Tensor forward(Ops ops, Tensor x);

    /** The larger of x and 0. */
    static Tensor relu(Ops ops, Tensor x) {
        return ops.clip(x, 0, Float.POSITIVE_INFINITY);
    }

    /** The layers one after the other. */
    static Tensor all(Ops ops, List<Layer> layers, Tensor x) {
        return ops.iterate(
                "layers", layers.size(), x, (s, i, h) -> layers.get(i).forward(s, h));
    }
}
