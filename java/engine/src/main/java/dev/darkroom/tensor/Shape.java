package dev.darkroom.tensor;

import java.util.Arrays;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** The sizes of a dense row-major tensor, outermost first; immutable. */
public final class Shape {
    private static final long MOST_ELEMENTS = 1L << 55; // so that sizes in bytes, and sums of them, fit in a long

    private final int[] dims;

    private Shape(int[] dims) {
        this.dims = dims;
    }

    /**
     * A shape of these sizes.
     *
     * @throws ShapeException when a size is negative or there are more elements than any memory holds
     */
    public static Shape of(int... dims) {
        long count = 1;
        for (int dim : dims) {
            if (dim < 0) {
                throw new ShapeException("a shape cannot hold a negative size: " + Arrays.toString(dims));
            }
            if (dim > 0 && count > MOST_ELEMENTS / dim) {
                throw new ShapeException("a shape of more than 2^55 elements: " + Arrays.toString(dims));
            }
            count *= dim;
        }
        return new Shape(dims.clone());
    }

    /** Number of dimensions. */
    public int rank() {
        return dims.length;
    }

    /** Size of dimension {@code index}; negative indices count from the end, so {@code dim(-1)} is the innermost. */
    public int dim(int index) {
        return dims[resolve(index)];
    }

    /** Number of elements. */
    public long count() {
        long count = 1;
        for (int dim : dims) {
            count *= dim;
        }
        return count;
    }

    /** Number of elements over all dimensions but the innermost: the rows of the tensor seen as a matrix. */
    public long rows() {
        long rows = 1;
        for (int i = 0; i < dims.length - 1; i++) {
            rows *= dims[i];
        }
        return rows;
    }

    /** This shape with dimension {@code index} (negative: from the end) set to {@code size}. */
    public Shape with(int index, int size) {
        int[] changed = dims.clone();
        changed[resolve(index)] = size;
        return of(changed);
    }

    private int resolve(int index) {
        int resolved = index < 0 ? dims.length + index : index;
        if (resolved < 0 || resolved >= dims.length) {
            throw new ShapeException("a tensor " + this + " has no dimension " + index);
        }
        return resolved;
    }

    /** The sizes as a new array. */
    public int[] toArray() {
        return dims.clone();
    }

    /** The sizes as a new array of longs, as native libraries take them. */
    public long[] toLongs() {
        return IntStream.of(dims).asLongStream().toArray();
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Shape shape && Arrays.equals(dims, shape.dims);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(dims);
    }

    /** As in messages: {@code [2, 64, 64, 320]}. */
    @Override
    public String toString() {
        return IntStream.of(dims).mapToObj(Integer::toString).collect(Collectors.joining(", ", "[", "]"));
    }
}
