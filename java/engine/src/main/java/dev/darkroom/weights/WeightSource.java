package dev.darkroom.weights;

import dev.darkroom.tensor.HostTensor;
import dev.darkroom.tensor.Shape;
import java.util.Set;

/** Named tensors: a file, several shards, or a view of them under other names. Any number of threads may read at once. */
public interface WeightSource {
    /** The names of all tensors. */
    Set<String> names();

    /** Whether there is a tensor of this name. */
    boolean has(String name);

    /**
     * The tensor of this name, in the shape it is stored in; its bytes are read when they are asked for.
     *
     * @throws WeightsException when there is none, or it is of an element type that cannot be read
     */
    HostTensor get(String name);

    /**
     * The tensor of this name in the shape {@code expected}. A 1x1 convolution [out, in, 1, 1] and a matrix [out, in] are the same.
     *
     * @throws WeightsException when there is none (naming the nearest that exists), or when it has another shape (naming both)
     */
    default HostTensor get(String name, Shape expected) {
        if (!has(name)) {
            throw MissingTensor.in(this, name, expected);
        }
        HostTensor tensor = get(name);
        if (tensor.shape().equals(expected)) {
            return tensor;
        }
        if (PointwiseShapes.areSame(tensor.shape(), expected)) {
            return tensor.reshape(expected);
        }
        throw new WeightsException(describe() + ": tensor \"" + name + "\" has shape " + tensor.shape()
                + " where the model expects " + expected + "; check that config.json belongs to these weights");
    }

    /** What this is and where, for messages. */
    String describe();
}
