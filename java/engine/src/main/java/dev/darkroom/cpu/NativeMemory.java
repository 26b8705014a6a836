package dev.darkroom.cpu;

import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.HalfFloats;
import dev.darkroom.tensor.MemoryPool;
import dev.darkroom.tensor.Tensor;
import java.nio.ByteBuffer;
import org.lwjgl.system.JNI;
import org.lwjgl.system.MemoryUtil;
import org.lwjgl.system.linux.MMAN;

/** The machine's memory outside the Java heap: where the pool's blocks come from, and how Java code reads and writes tensors. */
final class NativeMemory implements MemoryPool.Backing {
    /** Elements that Java code takes from native memory at once; two arrays of that many stay in the first-level cache. */
    static final int CHUNK = 2048;

    private static final int ALIGNMENT = 2 << 20; // a huge page, which is also the granule of the pool's segments
    private static final int MADV_HUGEPAGE = 14; // of linux/mman.h

    private final long madvise;

    /** @param madvise address of the C function of this name */
    NativeMemory(long madvise) {
        this.madvise = madvise;
    }

    /** Does something with a chunk of values. */
    @FunctionalInterface
    interface ChunkConsumer {
        /** @param start index of {@code values[0]} in the tensor */
        void accept(float[] values, int count, long start);
    }

    @Override
    public long reserve(long bytes) {
        // A huge page more than asked for, so that the start can be rounded up; what is over at both ends goes back.
        long given = MMAN.nmmap(
                MemoryUtil.NULL,
                MemoryUtil.NULL,
                bytes + ALIGNMENT,
                MMAN.PROT_READ | MMAN.PROT_WRITE,
                MMAN.MAP_PRIVATE | MMAN.MAP_ANONYMOUS,
                -1,
                0);
        if (given == MMAN.MAP_FAILED) {
            return 0;
        }
        long address = (given + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
        unmap(given, address - given);
        unmap(address + bytes, given + ALIGNMENT - address);
        // Only a wish: a kernel that cannot grant it gives small pages, which the first touch takes longer for.
        JNI.invokePPI(address, bytes, MADV_HUGEPAGE, madvise);
        return address;
    }

    @Override
    public void release(long address, long bytes) {
        unmap(address, bytes);
    }

    private static void unmap(long address, long bytes) {
        if (bytes > 0) {
            MMAN.nmunmap(MemoryUtil.NULL, address, bytes);
        }
    }

    @Override
    public void poison(long address, long bytes) {
        MemoryUtil.memSet(address, 0xFF, bytes);
    }

    static void copy(long from, long to, long bytes) {
        MemoryUtil.memCopy(from, to, bytes);
    }

    /** The memory at {@code address} as a buffer in the machine's byte order. */
    static ByteBuffer buffer(long address, int bytes) {
        return MemoryUtil.memByteBuffer(address, bytes);
    }

    /** Reads {@code count} elements of {@code x} from element {@code start} as f32; exact for integers up to 2^24. */
    static void read(Tensor x, long start, float[] into, int count) {
        DType dtype = x.dtype();
        ByteBuffer bytes = buffer(x.address() + start * dtype.bytes(), count * dtype.bytes());
        switch (dtype) {
            case F32 -> bytes.asFloatBuffer().get(into, 0, count);
            case BF16 -> {
                for (int i = 0; i < count; i++) {
                    into[i] = HalfFloats.fromBf16(bytes.getShort(2 * i));
                }
            }
            case I32 -> {
                for (int i = 0; i < count; i++) {
                    into[i] = bytes.getInt(4 * i);
                }
            }
            case U8 -> {
                for (int i = 0; i < count; i++) {
                    into[i] = bytes.get(i) & 0xff;
                }
            }
            default -> throw new IllegalStateException("a tensor of type " + dtype + " on the cpu device");
        }
    }

    /** Writes {@code count} values to {@code y} from element {@code start}, rounded to its floating type. */
    static void write(Tensor y, long start, float[] from, int count) {
        ByteBuffer bytes = buffer(
                y.address() + start * y.dtype().bytes(), count * y.dtype().bytes());
        switch (y.dtype()) {
            case F32 -> bytes.asFloatBuffer().put(from, 0, count);
            case BF16 -> {
                for (int i = 0; i < count; i++) {
                    bytes.putShort(2 * i, HalfFloats.toBf16(from[i]));
                }
            }
            default -> throw new IllegalStateException("values cannot be written to a tensor of type " + y.dtype());
        }
    }

    /** Calls {@code consumer} with all values of {@code x} in order, a chunk at a time. */
    static void forEachChunk(Tensor x, ChunkConsumer consumer) {
        float[] values = new float[CHUNK];
        long total = x.shape().count();
        for (long start = 0; start < total; start += CHUNK) {
            int count = (int) Math.min(CHUNK, total - start);
            read(x, start, values, count);
            consumer.accept(values, count, start);
        }
    }
}
