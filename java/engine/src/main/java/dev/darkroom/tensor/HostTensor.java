package dev.darkroom.tensor;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.function.Consumer;

/**
 * A tensor in host memory, or mapped from a file: what devices upload.
 *
 * <p>The bytes are little-endian and row-major. They are asked for when they are needed and may be unmapped afterwards, so that a
 * checkpoint is never resident twice.
 */
public final class HostTensor {
    /** Gives access to the bytes of a tensor for the length of one call. */
    @FunctionalInterface
    public interface Content {
        /** Calls {@code reader} with the little-endian bytes, position 0 to limit; the buffer is invalid afterwards. */
        void read(Consumer<ByteBuffer> reader);
    }

    private final String name;
    private final Shape shape;
    private final DType dtype;
    private final Content content;

    /**
     * A tensor whose bytes are read on demand.
     *
     * @param name the tensor's name and file, for messages
     */
    public HostTensor(String name, Shape shape, DType dtype, Content content) {
        this.name = name;
        this.shape = shape;
        this.dtype = dtype;
        this.content = content;
    }

    /** An f32 tensor over an array, which is not copied. */
    public static HostTensor of(String name, Shape shape, float... values) {
        requireCount(name, shape, values.length);
        return new HostTensor(name, shape, DType.F32, reader -> {
            ByteBuffer bytes = ByteBuffer.allocateDirect(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
            bytes.asFloatBuffer().put(values);
            reader.accept(bytes);
        });
    }

    /** An i32 tensor over an array, which is not copied. */
    public static HostTensor of(String name, Shape shape, int... values) {
        requireCount(name, shape, values.length);
        return new HostTensor(name, shape, DType.I32, reader -> {
            ByteBuffer bytes = ByteBuffer.allocateDirect(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
            bytes.asIntBuffer().put(values);
            reader.accept(bytes);
        });
    }

    /** A u8 tensor over an array, which is not copied. */
    public static HostTensor of(String name, Shape shape, byte... values) {
        requireCount(name, shape, values.length);
        return new HostTensor(
                name,
                shape,
                DType.U8,
                reader -> reader.accept(
                        ByteBuffer.allocateDirect(values.length).put(values).flip()));
    }

    /** A tensor that has a shape but no values, as the dry device takes it; reading its bytes throws. */
    public static HostTensor shapeOnly(String name, Shape shape, DType dtype) {
        return new HostTensor(name, shape, dtype, reader -> {
            throw new IllegalStateException(
                    name + " has a shape but no values: it can be uploaded to the dry device only");
        });
    }

    /** The tensor's name, as messages give it. */
    public String name() {
        return name;
    }

    public Shape shape() {
        return shape;
    }

    public DType dtype() {
        return dtype;
    }

    /** Size of the content in bytes. */
    public long byteSize() {
        return shape.count() * dtype.bytes();
    }

    /** Calls {@code reader} with the little-endian bytes; the buffer is valid during the call only. */
    public void read(Consumer<ByteBuffer> reader) {
        content.read(reader);
    }

    /** The same content under another shape of as many elements, as [c, c, 1, 1] is read as [c, c]. */
    public HostTensor reshape(Shape other) {
        if (other.count() != shape.count()) {
            throw new ShapeException(name + " is " + shape + " and cannot be read as " + other);
        }
        return new HostTensor(name, other, dtype, content);
    }

    /** Rows {@code from} (inclusive) to {@code to} (exclusive) of the outermost dimension. */
    public HostTensor rows(int from, int to) {
        if (from < 0 || to > shape.dim(0) || from > to) {
            throw new ShapeException("rows " + from + " to " + to + " of " + this);
        }
        int rowBytes = Math.toIntExact(byteSize() / Math.max(1, shape.dim(0)));
        return new HostTensor(
                name,
                shape.with(0, to - from),
                dtype,
                reader -> content.read(bytes -> reader.accept(
                        bytes.slice(Math.multiplyExact(from, rowBytes), Math.multiplyExact(to - from, rowBytes))
                                .order(ByteOrder.LITTLE_ENDIAN))));
    }

    /** The values converted to f32; for vectors, tests and tools, not for whole checkpoints. */
    public float[] toFloats() {
        float[] values = new float[Math.toIntExact(shape.count())];
        read(bytes -> HalfFloats.toFloats(bytes, dtype, values));
        return values;
    }

    private static void requireCount(String name, Shape shape, int count) {
        if (shape.count() != count) {
            throw new ShapeException(name + ": shape " + shape + " takes " + shape.count() + " values, given " + count);
        }
    }

    /** A short description for messages: name, type and shape. */
    @Override
    public String toString() {
        return name + " " + dtype + " " + shape;
    }
}
