package dev.darkroom.weights;

import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.HalfFloats;
import dev.darkroom.tensor.HostTensor;
import dev.darkroom.tensor.Shape;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;

/** Tensors made of other tensors' bytes, read when they are asked for. */
public final class TensorViews {
    private TensorViews() {}

    /** Part {@code index} of {@code count} equal parts along the first dimension. */
    static HostTensor part(HostTensor tensor, int index, int count) {
        Shape shape = tensor.shape();
        if (shape.rank() == 0 || shape.dim(0) % count != 0) {
            throw new WeightsException(tensor + " cannot be cut into " + count + " equal parts; the file is broken");
        }
        int rows = shape.dim(0) / count;
        return tensor.rows(index * rows, (index + 1) * rows);
    }

    /** The tensors one below the other, along the first dimension; all of one type and, but for that dimension, one shape. */
    static HostTensor joined(List<HostTensor> parts) {
        HostTensor first = parts.get(0);
        int rows = parts.stream().mapToInt(part -> part.shape().dim(0)).sum();
        int bytes =
                Math.toIntExact(parts.stream().mapToLong(HostTensor::byteSize).sum());
        return new HostTensor(first.name(), first.shape().with(0, rows), first.dtype(), reader -> {
            ByteBuffer all = ByteBuffer.allocateDirect(bytes).order(ByteOrder.LITTLE_ENDIAN);
            parts.forEach(part -> part.read(all::put));
            reader.accept(all.flip());
        });
    }

    /** A matrix [rows, columns] as [columns, rows]. */
    static HostTensor transposed(HostTensor matrix) {
        Shape shape = matrix.shape();
        if (shape.rank() != 2) {
            throw new WeightsException(matrix + " should be a matrix; the file is broken");
        }
        int rows = shape.dim(0);
        int columns = shape.dim(1);
        int size = matrix.dtype().bytes();
        return new HostTensor(
                matrix.name(),
                Shape.of(columns, rows),
                matrix.dtype(),
                reader -> matrix.read(from -> {
                    ByteBuffer to = ByteBuffer.allocateDirect(from.remaining()).order(ByteOrder.LITTLE_ENDIAN);
                    for (int column = 0; column < columns; column++) {
                        for (int row = 0; row < rows; row++) {
                            to.put((column * rows + row) * size, from, (row * columns + column) * size, size);
                        }
                    }
                    reader.accept(to);
                }));
    }

    /** A tensor with its floating values in another type, rounded to nearest even; whole numbers stay as they are. */
    public static HostTensor as(HostTensor tensor, DType dtype) {
        if (tensor.dtype() == dtype || !tensor.dtype().isFloating()) {
            return tensor;
        }
        int bytes = Math.toIntExact(tensor.shape().count() * dtype.bytes());
        return new HostTensor(tensor.name(), tensor.shape(), dtype, reader -> {
            float[] values = tensor.toFloats();
            ByteBuffer converted = ByteBuffer.allocateDirect(bytes).order(ByteOrder.LITTLE_ENDIAN);
            putFloats(values, dtype, converted);
            reader.accept(converted.flip());
        });
    }

    /** Appends values to little-endian {@code bytes}, rounded to {@code dtype}, a floating type. */
    public static void putFloats(float[] values, DType dtype, ByteBuffer bytes) {
        for (float value : values) {
            switch (dtype) {
                case F32 -> bytes.putFloat(value);
                case F16 -> bytes.putShort(HalfFloats.toF16(value));
                case BF16 -> bytes.putShort(HalfFloats.toBf16(value));
                default -> throw new IllegalArgumentException(dtype + " is no floating type");
            }
        }
    }

    /** [out, in, 1, 1] as [out, in]; anything else as it is. */
    static HostTensor asMatrix(HostTensor tensor) {
        return tensor.reshape(PointwiseShapes.asMatrix(tensor.shape()));
    }

    /** [out, in] as [out, in, 1, 1]; anything else as it is. */
    static HostTensor asConvolution(HostTensor tensor) {
        Shape shape = tensor.shape();
        return shape.rank() == 2 ? tensor.reshape(Shape.of(shape.dim(0), shape.dim(1), 1, 1)) : tensor;
    }
}
