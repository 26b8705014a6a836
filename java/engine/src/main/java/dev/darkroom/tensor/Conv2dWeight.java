package dev.darkroom.tensor;

/** A convolution kernel [out, kh, kw, in] with its geometry and an optional bias [out], made by {@link Ops#conv2dWeight}. */
public abstract class Conv2dWeight extends Weight {
    private final Geometry geometry;

    /**
     * How a kernel moves over its input.
     *
     * @param stride     step in both directions
     * @param padBefore  rows and columns of zeros above and to the left
     * @param padAfter   rows and columns of zeros below and to the right
     * @param upsampled  whether the kernel is meant for {@link Ops#upsampleConv2d}, for which devices may prepare other forms of it
     */
    public record Geometry(int stride, int padBefore, int padAfter, boolean upsampled) {
        /** Stride 1; the output has the input's size for a kernel of odd size {@code kernel}. */
        public static Geometry same(int kernel) {
            return new Geometry(1, kernel / 2, kernel / 2, false);
        }

        /** Stride 2 with {@code padBefore} and {@code padAfter} rows of zeros: (1, 1) in U-Nets, (0, 1) in VAE encoders. */
        public static Geometry halving(int padBefore, int padAfter) {
            return new Geometry(2, padBefore, padAfter, false);
        }

        /** As {@link #same}, for a convolution that follows a nearest-neighbour upsampling. */
        public static Geometry afterUpsample(int kernel) {
            return new Geometry(1, kernel / 2, kernel / 2, true);
        }

        /** Output size for input size {@code size} and kernel size {@code kernel}; less than 1 where the kernel does not fit. */
        public int outputSize(int size, int kernel) {
            return Math.floorDiv(size + padBefore + padAfter - kernel, stride) + 1;
        }
    }

    protected Conv2dWeight(String name, Shape shape, DType dtype, boolean bias, Geometry geometry) {
        super(name, shape, dtype, bias);
        this.geometry = geometry;
    }

    public Geometry geometry() {
        return geometry;
    }

    /** Number of input channels. */
    public int in() {
        return shape().dim(3);
    }

    /** Kernel height. */
    public int kernelHeight() {
        return shape().dim(1);
    }

    /** Kernel width. */
    public int kernelWidth() {
        return shape().dim(2);
    }
}
