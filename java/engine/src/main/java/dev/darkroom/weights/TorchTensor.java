package dev.darkroom.weights;

import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.HostTensor;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.ShapeException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * A tensor of PyTorch: a view of a storage through an offset, sizes and strides, all in elements.
 *
 * @param storage the values' place in the file, shared by all views of it
 */
@SuppressWarnings("ArrayRecordComponent") // two are never compared
record TorchTensor(TorchStorage storage, long offset, int[] sizes, long[] strides) {
    /** Whether its elements lie one after the other in the order of rows. */
    private boolean isContiguous() {
        long expected = 1;
        for (int i = sizes.length - 1; i >= 0; i--) {
            if (sizes[i] != 1 && strides[i] != expected) {
                return false;
            }
            expected *= sizes[i];
        }
        return true;
    }

    long elements() {
        return Arrays.stream(sizes).asLongStream().reduce(1, (a, b) -> a * b);
    }

    /** The last element's index in the storage; -1 of an empty tensor. */
    long last() {
        if (elements() == 0) {
            return -1;
        }
        long last = offset;
        for (int i = 0; i < sizes.length; i++) {
            last += (sizes[i] - 1) * strides[i];
        }
        return last;
    }

    /** The tensor in the order of rows. */
    HostTensor host(String name, FileRegions file) {
        DType dtype = storage.type().dtype();
        if (dtype == null) {
            throw new WeightsException(file.path() + ": tensor \"" + name + "\" is stored as " + storage.type()
                    + ", which cannot be read; convert the file to f32, f16 or bf16");
        }
        Shape shape;
        try {
            shape = Shape.of(sizes);
        } catch (ShapeException e) {
            throw new WeightsException(
                    file.path() + ": tensor \"" + name + "\" has sizes " + Arrays.toString(sizes)
                            + ", which cannot be read",
                    e);
        }
        int bytes = storage.type().bits() / Byte.SIZE;
        long begin = storage.position() + offset * bytes;
        long span = Math.max(0, last() + 1 - offset) * bytes;
        return new HostTensor(
                name + " of " + file.path(),
                shape,
                dtype,
                reader -> file.read(
                        name,
                        begin,
                        span,
                        data -> reader.accept(storage.type().read(isContiguous() ? data : gather(data, bytes)))));
    }

    /** The elements in the order of rows. */
    private ByteBuffer gather(ByteBuffer data, int bytes) {
        int count = Math.toIntExact(elements());
        ByteBuffer rows =
                ByteBuffer.allocateDirect(Math.multiplyExact(count, bytes)).order(ByteOrder.LITTLE_ENDIAN);
        int[] index = new int[sizes.length];
        for (int i = 0; i < count; i++) {
            long at = 0;
            for (int d = 0; d < index.length; d++) {
                at += index[d] * strides[d];
            }
            rows.put(i * bytes, data, Math.toIntExact(at * bytes), bytes);
            for (int d = index.length - 1; d >= 0 && ++index[d] == sizes[d]; d--) {
                index[d] = 0;
            }
        }
        return rows;
    }
}
