package dev.darkroom.bench.kernels;

import dev.darkroom.tensor.Affine;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.HostTensor;
import dev.darkroom.tensor.LinearWeight;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import java.lang.reflect.Array;
import java.util.Arrays;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/**
 * Operands for a call, of random numbers: standard normal activations, weights with the deviation 1/√inputs, gains and biases about 1 and 0. Results are
 * then about as large as in a trained network, and nothing is zero.
 *
 * <p>A tensor that a layer computed is computed by a layer here too, so that what devices leave behind such a map is there.
 */
final class Operands {
    private static final int NOISE = 1 << 20; // numbers drawn on the host, repeated in larger weights
    private static final int LAYER_INPUTS = 8;

    private final boolean values;
    private final float[] noise;

    /** @param values false: shapes alone, for a device that computes nothing */
    Operands(boolean values) {
        this.values = values;
        Random random = new Random(1);
        noise = new float[values ? NOISE : 0];
        for (int i = 0; i < noise.length; i++) {
            noise[i] = (float) random.nextGaussian();
        }
    }

    /** The arguments of a call, owned by the scope of {@code ops}. */
    Object[] of(Ops ops, OpCall call) {
        return call.operands().stream().map(operand -> make(ops, operand)).toArray();
    }

    private Object make(Ops ops, Operand operand) {
        if (operand instanceof Operand.OfTensor tensor) {
            return tensor.ofLayer() ? ofLayer(ops, tensor) : normal(ops, tensor.shape(), tensor.dtype());
        }
        if (operand instanceof Operand.OfLinear weight) {
            return linear(ops, weight.shape(), weight.dtype(), weight.bias());
        }
        if (operand instanceof Operand.OfConvolution weight) {
            Shape s = weight.shape();
            HostTensor host = host(Shape.of(s.dim(0), s.dim(3), s.dim(1), s.dim(2)), deviation(s), 0);
            return ops.conv2dWeight(host, bias(s.dim(0), weight.bias()), weight.geometry(), weight.dtype());
        }
        if (operand instanceof Operand.OfAffine affine) {
            Shape shape = Shape.of(affine.channels());
            return new Affine(ops.upload(host(shape, 0.1f, 1), DType.F32), ops.upload(host(shape, 0.1f, 0), DType.F32));
        }
        if (operand instanceof Operand.OfArray array) {
            Object made = Array.newInstance(array.type(), array.parts().size());
            for (int i = 0; i < array.parts().size(); i++) {
                Array.set(made, i, make(ops, array.parts().get(i)));
            }
            return made;
        }
        return ((Operand.OfValue) operand).value();
    }

    private LinearWeight linear(Ops ops, Shape shape, DType dtype, boolean bias) {
        return ops.linearWeight(host(shape, deviation(shape), 0), bias(shape.dim(0), bias), dtype);
    }

    /** A map as a layer computes it from a map of few channels. */
    private Tensor ofLayer(Ops ops, Operand.OfTensor tensor) {
        Shape shape = tensor.shape();
        return ops.scoped("map", s -> {
            Tensor x = normal(s, shape.with(3, LAYER_INPUTS), tensor.dtype());
            return s.linear(x, linear(s, Shape.of(shape.dim(3), LAYER_INPUTS), tensor.dtype(), /* bias= */ false));
        });
    }

    /** Standard normal numbers: drawn on the device for one image, which is repeated. */
    Tensor normal(Ops ops, Shape shape, DType dtype) {
        int[] dims = new int[shape.rank()];
        Arrays.setAll(dims, shape::dim);
        if (!values || shape.count() == 0) {
            return ops.scope().allocate(shape, dtype);
        }
        int images = shape.rank() > 1 ? dims[0] : 1;
        return ops.scoped("noise", s -> {
                    int perImage = Math.toIntExact(shape.count() / images);
                    Tensor drawn = s.normal(
                            s.upload(Shape.of(1, 3), 1, 0, 0),
                            1,
                            perImage / dims[dims.length - 1],
                            dims[dims.length - 1]);
                    Tensor image = s.cast(drawn, dtype).reshape(1, perImage);
                    Tensor[] parts = new Tensor[images];
                    Arrays.fill(parts, image);
                    return s.concatRows(parts);
                })
                .reshape(dims);
    }

    private HostTensor host(Shape shape, float deviation, float mean) {
        if (!values) {
            return HostTensor.shapeOnly("noise", shape, DType.F32);
        }
        float[] numbers = new float[Math.toIntExact(shape.count())];
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = mean + deviation * noise[i & (NOISE - 1)];
        }
        return HostTensor.of("noise", shape, numbers);
    }

    private @Nullable HostTensor bias(int channels, boolean present) {
        return present ? host(Shape.of(channels), 0.1f, 0) : null;
    }

    /** 1/√inputs of a weight [out, ..., in]. */
    private static float deviation(Shape shape) {
        return (float) Math.sqrt(shape.dim(0) / (double) shape.count());
    }
}
