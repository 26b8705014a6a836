package dev.darkroom.tensor;

import java.util.Arrays;

/**
 * A dense row-major array on a device.
 *
 * <p>A tensor is a typed view of memory that a {@link Scope} owns: nobody frees it, and using it after its scope has ended throws.
 * Feature maps are {@code [n, h, w, c]}, tokens {@code [n, t, c]}. All work on it is queued; only {@link #toHost} waits.
 */
public final class Tensor {
    private final Device device;
    private final Storage storage;
    private final long offset;
    private final Shape shape;
    private final DType dtype;

    Tensor(Device device, Storage storage, long offset, Shape shape, DType dtype) {
        this.device = device;
        this.storage = storage;
        this.offset = offset;
        this.shape = shape;
        this.dtype = dtype;
    }

    public Shape shape() {
        return shape;
    }

    public DType dtype() {
        return dtype;
    }

    public Device device() {
        return device;
    }

    /** Size of dimension {@code index}; negative indices count from the end. */
    public int dim(int index) {
        return shape.dim(index);
    }

    /** Size in bytes. */
    public long byteSize() {
        return shape.count() * dtype.bytes();
    }

    /**
     * The address of the first element in the device's memory, for the device's own kernels.
     *
     * @throws IllegalStateException after the owning scope has released the memory; names the scope
     */
    public long address() {
        return storage.address() + offset;
    }

    /** Whether the memory is still owned by a scope. */
    public boolean isAlive() {
        return storage.isAlive();
    }

    /** The same elements under another shape of as many; no copy. One size may be -1: what is left. */
    public Tensor reshape(int... dims) {
        return new Tensor(device, storage, offset, resolve(dims), dtype);
    }

    /** Rows {@code from} (inclusive) to {@code to} (exclusive) of the outermost dimension; no copy. */
    public Tensor rows(int from, int to) {
        if (from < 0 || to > shape.dim(0) || from > to) {
            throw new ShapeException("rows " + from + " to " + to + " of a tensor " + shape);
        }
        long rowBytes = shape.dim(0) == 0 ? 0 : byteSize() / shape.dim(0);
        return new Tensor(device, storage, offset + from * rowBytes, shape.with(0, to - from), dtype);
    }

    /** The bytes from {@code from} on as a tensor of their own; no copy. For devices that lay out a piece of memory themselves. */
    public Tensor part(long from, Shape partShape, DType partType) {
        if (from < 0 || from + partShape.count() * partType.bytes() > byteSize()) {
            throw new ShapeException(
                    partType + " " + partShape + " from byte " + from + " of a tensor of " + byteSize() + " bytes");
        }
        return new Tensor(device, storage, offset + from, partShape, partType);
    }

    /** The values as f32 on the host, row-major; waits for the device. */
    public float[] toHost() {
        return device.download(this);
    }

    /** The bytes of a u8 tensor on the host, row-major; waits for the device. */
    public byte[] toHostBytes() {
        return device.downloadBytes(this);
    }

    Storage storage() {
        return storage;
    }

    private Shape resolve(int[] dims) {
        int[] sizes = dims.clone();
        long known = 1;
        int open = -1;
        for (int i = 0; i < sizes.length; i++) {
            if (sizes[i] == -1 && open < 0) {
                open = i;
            } else {
                known *= sizes[i];
            }
        }
        if (open >= 0 && known != 0) {
            sizes[open] = Math.toIntExact(shape.count() / known);
        }
        Shape result = Arrays.stream(sizes).anyMatch(size -> size < 0) ? null : Shape.of(sizes);
        if (result == null || result.count() != shape.count()) {
            throw new ShapeException("a tensor " + shape + " cannot be reshaped to " + Arrays.toString(dims));
        }
        return result;
    }

    /** Type, shape and device, as messages give them. */
    @Override
    public String toString() {
        return dtype + " " + shape + " on " + device.name();
    }
}
