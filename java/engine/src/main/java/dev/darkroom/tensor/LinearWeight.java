package dev.darkroom.tensor;

/** A matrix [out, in] with an optional bias [out], made by {@link Ops#linearWeight}. */
public abstract class LinearWeight extends Weight {
    protected LinearWeight(String name, Shape shape, DType dtype, boolean bias) {
        super(name, shape, dtype, bias);
    }

    /** Number of inputs. */
    public int in() {
        return shape().dim(1);
    }
}
