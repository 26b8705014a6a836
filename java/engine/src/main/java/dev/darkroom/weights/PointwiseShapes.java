package dev.darkroom.weights;

import dev.darkroom.tensor.Shape;

/** The two spellings of a matrix: linear layers write [out, in], 1x1 convolutions [out, in, 1, 1]. */
final class PointwiseShapes {
    private PointwiseShapes() {}

    /** Whether one is [out, in] and the other [out, in, 1, 1] of the same sizes. */
    static boolean areSame(Shape a, Shape b) {
        return asMatrix(a).equals(asMatrix(b)) && asMatrix(a).rank() == 2;
    }

    /** [out, in, 1, 1] as [out, in]; anything else as it is. */
    static Shape asMatrix(Shape shape) {
        return shape.rank() == 4 && shape.dim(2) == 1 && shape.dim(3) == 1
                ? Shape.of(shape.dim(0), shape.dim(1))
                : shape;
    }
}
