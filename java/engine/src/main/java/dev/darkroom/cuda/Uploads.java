package dev.darkroom.cuda;

import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.HostTensor;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/** Tensors made of what files and callers have; types and layouts are changed on the device. */
final class Uploads {
    private final CudaStream stream;
    private final Staging staging;
    private final PointwiseKernels pointwise;
    private final ConversionKernels conversion;

    Uploads(CudaStream stream, Staging staging, PointwiseKernels pointwise, ConversionKernels conversion) {
        this.stream = stream;
        this.staging = staging;
        this.pointwise = pointwise;
        this.conversion = conversion;
    }

    /** The values as they are, converted to {@code dtype}. */
    Tensor tensor(Scope scope, HostTensor given, DType dtype) {
        HostTensor values = given.dtype() == DType.I64 ? narrowed(given) : given;
        DType from = values.dtype();
        if (from.isFloating() && dtype == DType.I32 || dtype == DType.I64) {
            throw new IllegalArgumentException(values + " cannot be uploaded as " + dtype);
        }
        Tensor result = scope.allocate(values.shape(), dtype);
        staging.upload(values, from.bytes(), (address, start, bytes) -> {
            long count = bytes / from.bytes();
            long target = result.address() + start / from.bytes() * dtype.bytes();
            if (from == dtype) {
                stream.copy(address, target, bytes);
            } else {
                pointwise.convert(address, from, target, dtype, count);
            }
        });
        return result;
    }

    /** Integers of 64 bits, as token ids come, as 32 bits; one that does not fit is an error. */
    private static HostTensor narrowed(HostTensor values) {
        int[] integers = new int[Math.toIntExact(values.shape().count())];
        values.read(bytes -> {
            for (int i = 0; i < integers.length; i++) {
                integers[i] = Math.toIntExact(bytes.getLong(8 * i));
            }
        });
        return HostTensor.of(values.name(), values.shape(), integers);
    }

    /** A bias in f32. */
    @Nullable
    Tensor bias(Scope scope, @Nullable HostTensor bias) {
        return bias == null ? null : tensor(scope, bias, DType.F32);
    }

    /** weight [out, in, kh, kw] → {@code shape} [out, kh, kw, in]. */
    Tensor channelsLast(Scope scope, HostTensor weight, Shape shape, DType dtype) {
        Tensor result = scope.allocate(shape, dtype);
        long rowBytes = weight.byteSize() / Math.max(1, shape.dim(0));
        staging.upload(weight, rowBytes, (address, start, bytes) -> {
            int first = Math.toIntExact(start / rowBytes);
            conversion.channelsLast(address, weight.dtype(), result.rows(first, first + (int) (bytes / rowBytes)));
        });
        return result;
    }

    /** weight [out, in, 3, 3] → [4, out, 2, 2, in], for maps that are doubled first. */
    Tensor phases(Scope scope, HostTensor weight, Shape shape, DType dtype) {
        int out = shape.dim(0);
        Tensor result = scope.allocate(Shape.of(4, out, 2, 2, shape.dim(3)), dtype);
        long rowBytes = weight.byteSize() / Math.max(1, out);
        staging.upload(
                weight,
                rowBytes,
                (address, start, bytes) -> conversion.phases(
                        address,
                        weight.dtype(),
                        result,
                        Math.toIntExact(start / rowBytes),
                        Math.toIntExact(bytes / rowBytes)));
        return result;
    }
}
