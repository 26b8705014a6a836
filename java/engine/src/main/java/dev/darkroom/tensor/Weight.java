package dev.darkroom.tensor;

/** The parameters of one layer in a form that a device chose for itself: packed, phased, or as they were. */
public abstract class Weight {
    private final String name;
    private final Shape shape;
    private final DType dtype;
    private final boolean bias;

    /**
     * @param name  the tensor's name in the checkpoint, for messages
     * @param shape the logical shape, whatever the layout in memory
     * @param dtype the type of the layer's input and output
     * @param bias  whether a bias [out] is part of it
     */
    protected Weight(String name, Shape shape, DType dtype, boolean bias) {
        this.name = name;
        this.shape = shape;
        this.dtype = dtype;
        this.bias = bias;
    }

    public String name() {
        return name;
    }

    public Shape shape() {
        return shape;
    }

    public DType dtype() {
        return dtype;
    }

    public boolean hasBias() {
        return bias;
    }

    /** Number of outputs, the first dimension of {@link #shape}. */
    public int out() {
        return shape.dim(0);
    }

    @Override
    public String toString() {
        return name + " " + dtype + " " + shape;
    }
}
