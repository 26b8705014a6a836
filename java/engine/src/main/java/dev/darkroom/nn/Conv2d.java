package dev.darkroom.nn;

import dev.darkroom.tensor.Conv2dWeight;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Tensor;

/** A convolution of feature maps, [n, h, w, in] → [n, h', w', out]. */
public final class Conv2d {
    private final Conv2dWeight weight;

    private Conv2d(Conv2dWeight weight) {
        this.weight = weight;
    }

    public Conv2d(Parameters p, int in, int out, int kernel, Conv2dWeight.Geometry geometry) {
        this(p.conv2d(in, out, kernel, true, geometry));
    }

    /** A convolution with a weight alone. */
    public static Conv2d withoutBias(Parameters p, int in, int out, int kernel, Conv2dWeight.Geometry geometry) {
        return new Conv2d(p.conv2d(in, out, kernel, false, geometry));
    }

    /** A convolution without bias that takes its input apart into squares of {@code size} pixels, [n, h, w, in] → [n, h / size, w / size, out]. */
    public static Conv2d patches(Parameters p, int in, int out, int size) {
        return withoutBias(p, in, out, size, new Conv2dWeight.Geometry(size, 0, 0, false));
    }

    /** A convolution of odd kernel size that keeps height and width. */
    public static Conv2d same(Parameters p, int in, int out, int kernel) {
        return new Conv2d(p, in, out, kernel, Conv2dWeight.Geometry.same(kernel));
    }

    /** x [n, h, w, in] → [n, h', w', out]. */
    public Tensor forward(Ops ops, Tensor x) {
        return ops.conv2d(x, weight);
    }

    /** conv(x) + residual. */
    public Tensor add(Ops ops, Tensor x, Tensor residual) {
        return ops.conv2dAdd(x, weight, residual);
    }

    /** conv(x) + t [n, out]. */
    public Tensor addPerChannel(Ops ops, Tensor x, Tensor t) {
        return ops.conv2dAddPerChannel(x, weight, t);
    }

    /** conv(nearest-neighbour enlargement of x to height × width). */
    public Tensor upsampled(Ops ops, Tensor x, int height, int width) {
        return ops.upsampleConv2d(x, height, width, weight);
    }
}
