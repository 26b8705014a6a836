package dev.darkroom.nn;

import dev.darkroom.tensor.Affine;
import dev.darkroom.tensor.Conv2dWeight;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.HostTensor;
import dev.darkroom.tensor.LinearWeight;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Tensor;
import dev.darkroom.weights.WeightPath;

/**
 * Where a layer takes its parameters from and where it puts them.
 *
 * @param ops   uploads into the scope that owns the network's weights
 * @param dtype the type the network computes in
 * @param path  where in the checkpoint the layer stands
 */
public record Parameters(Ops ops, DType dtype, WeightPath path) {
    /** The part called {@code name}. */
    public Parameters at(String name) {
        return new Parameters(ops, dtype, path.at(name));
    }

    /** Element {@code index} of a list of parts. */
    public Parameters at(int index) {
        return new Parameters(ops, dtype, path.at(index));
    }

    /** weight [out, in], and bias [out] for a layer that has one. */
    LinearWeight linear(int in, int out, boolean bias) {
        return ops.linearWeight(path.tensor("weight", out, in), bias ? path.tensor("bias", out) : null, dtype);
    }

    /** weight [out, in, kernel, kernel], and bias [out] for a layer that has one. */
    Conv2dWeight conv2d(int in, int out, int kernel, boolean bias, Conv2dWeight.Geometry geometry) {
        HostTensor weight = path.tensor("weight", out, in, kernel, kernel);
        return ops.conv2dWeight(weight, bias ? path.tensor("bias", out) : null, geometry, dtype);
    }

    /** weight and bias [channels] of a normalisation, in f32. */
    Affine affine(int channels) {
        return new Affine(
                ops.upload(path.tensor("weight", channels), DType.F32),
                ops.upload(path.tensor("bias", channels), DType.F32));
    }

    /** The tensor {@code name} of this shape, in the network's type. */
    public Tensor tensor(String name, int... shape) {
        return ops.upload(path.tensor(name, shape), dtype);
    }
}
