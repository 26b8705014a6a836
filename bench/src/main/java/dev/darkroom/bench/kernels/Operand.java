package dev.darkroom.bench.kernels;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.darkroom.tensor.Affine;
import dev.darkroom.tensor.Conv2dWeight;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.LinearWeight;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/** What an operation was called with, without its values: enough to call it again. */
sealed interface Operand {
    /**
     * A tensor.
     *
     * @param ofLayer whether a matrix product or a convolution computed it, which devices let leave more than its values
     */
    record OfTensor(Shape shape, DType dtype, boolean ofLayer) implements Operand {
        @Override
        public String toString() {
            return dtype + dims(shape) + (ofLayer ? "'" : "");
        }
    }

    /** The matrix [out, in] of a linear layer. */
    record OfLinear(Shape shape, DType dtype, boolean bias) implements Operand {
        @Override
        public String toString() {
            return "W" + dims(shape) + (bias ? "+b" : "");
        }
    }

    /** The kernel [out, kh, kw, in] of a convolution. */
    record OfConvolution(Shape shape, DType dtype, boolean bias, Conv2dWeight.Geometry geometry) implements Operand {
        @Override
        public String toString() {
            return "K" + dims(shape) + (bias ? "+b" : "") + "s" + geometry.stride() + "p" + geometry.padBefore()
                    + geometry.padAfter();
        }
    }

    /** Gain and bias of a normalisation of so many channels. */
    record OfAffine(int channels) implements Operand {
        @Override
        public String toString() {
            return "affine[" + channels + "]";
        }
    }

    /** A number, a flag or an element type. */
    record OfValue(Object value) implements Operand {
        @Override
        public String toString() {
            return value.toString();
        }
    }

    /** Operands that are given as an array of {@code type}. */
    record OfArray(Class<?> type, List<Operand> parts) implements Operand {
        @Override
        public String toString() {
            return parts.stream().map(Operand::toString).collect(Collectors.joining(" "));
        }
    }

    /** What an argument of {@link Ops} was. */
    static Operand of(Object argument, java.util.function.Predicate<Tensor> ofLayer) {
        if (argument instanceof Tensor tensor) {
            return new OfTensor(tensor.shape(), tensor.dtype(), ofLayer.test(tensor));
        }
        if (argument instanceof LinearWeight weight) {
            return new OfLinear(weight.shape(), weight.dtype(), weight.hasBias());
        }
        if (argument instanceof Conv2dWeight weight) {
            return new OfConvolution(weight.shape(), weight.dtype(), weight.hasBias(), weight.geometry());
        }
        if (argument instanceof Affine affine) {
            return new OfAffine(affine.gain().dim(0));
        }
        if (argument instanceof Object[] array) {
            Class<?> type = array.getClass().getComponentType();
            return new OfArray(
                    type, Arrays.stream(array).map(each -> of(each, ofLayer)).toList());
        }
        if (argument instanceof Number || argument instanceof Boolean || argument instanceof DType) {
            return new OfValue(argument);
        }
        throw new IllegalArgumentException(
                "an operation was called with " + argument.getClass() + ", which is not known here");
    }

    /** Adds this to a JSON list. */
    default void writeTo(ArrayNode list) {
        if (this instanceof OfArray array) {
            ArrayNode parts = list.addArray();
            array.parts.forEach(part -> part.writeTo(parts));
            return;
        }
        ObjectNode node = list.addObject();
        if (this instanceof OfTensor tensor) {
            shape(node, "tensor", tensor.shape).put("dtype", tensor.dtype.toString());
        } else if (this instanceof OfLinear weight) {
            shape(node, "linear", weight.shape)
                    .put("dtype", weight.dtype.toString())
                    .put("bias", weight.bias);
        } else if (this instanceof OfConvolution weight) {
            shape(node, "conv2d", weight.shape)
                    .put("dtype", weight.dtype.toString())
                    .put("bias", weight.bias)
                    .put("stride", weight.geometry.stride())
                    .put("pad_before", weight.geometry.padBefore())
                    .put("pad_after", weight.geometry.padAfter());
        } else if (this instanceof OfAffine affine) {
            node.put("affine", affine.channels);
        } else if (this instanceof OfValue value) {
            node.putPOJO("value", value.value instanceof DType dtype ? dtype.toString() : value.value);
        }
    }

    private static ObjectNode shape(ObjectNode node, String name, Shape shape) {
        ArrayNode dims = node.putArray(name);
        for (int i = 0; i < shape.rank(); i++) {
            dims.add(shape.dim(i));
        }
        return node;
    }

    private static String dims(Shape shape) {
        return shape.toString().replace(" ", "");
    }
}
