package dev.darkroom.cuda;

import dev.darkroom.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import jcuda.Pointer;
import jcuda.driver.CUfunction;
import org.jspecify.annotations.Nullable;
import org.lwjgl.system.MemoryUtil;

/**
 * A function of a loaded module.
 *
 * <p>Arguments are written, in the order of the function's parameters, into a block outside the Java heap that is made once: a launch
 * allocates nothing. Each list of arguments starts with {@link #begin} and ends with {@link #launch}.
 */
final class Kernel {
    private static final int MOST_ARGUMENTS = 64;
    private static final int SLOT = Long.BYTES;

    private final CudaStream stream;
    private final String name;
    private final CUfunction function;
    private final ByteBuffer slots = buffer();
    private final Pointer parameters;
    private int count;

    /** @param name as messages give it */
    Kernel(CudaStream stream, String name, CUfunction function) {
        this.stream = stream;
        this.name = name;
        this.function = function;
        ByteBuffer addresses = buffer();
        long first = MemoryUtil.memAddress(slots);
        for (int i = 0; i < MOST_ARGUMENTS; i++) {
            addresses.putLong(SLOT * i, first + SLOT * i);
        }
        parameters = Pointer.to(addresses); // holds the buffer
    }

    /** Starts a list of arguments. One that was left half-way, since memory for an argument was lacking, is forgotten. */
    Kernel begin() {
        count = 0;
        return this;
    }

    /** The address of a tensor's first element; null for a pointer that the kernel takes as absent. */
    Kernel tensor(@Nullable Tensor tensor) {
        return address(tensor == null ? 0 : tensor.address());
    }

    Kernel address(long address) {
        return i64(address);
    }

    Kernel i64(long value) {
        slots.putLong(SLOT * count++, value);
        return this;
    }

    Kernel i32(int value) {
        slots.putInt(SLOT * count++, value);
        return this;
    }

    Kernel f32(float value) {
        slots.putFloat(SLOT * count++, value);
        return this;
    }

    Kernel f64(double value) {
        slots.putDouble(SLOT * count++, value);
        return this;
    }

    /** Queues a grid of x · y · z blocks of {@code threads} threads with {@code sharedBytes} of dynamic shared memory. */
    void launch(int x, int y, int z, int threads, int sharedBytes) {
        stream.launch(name, function, x, y, z, threads, sharedBytes, parameters);
    }

    private static ByteBuffer buffer() {
        return ByteBuffer.allocateDirect(SLOT * MOST_ARGUMENTS).order(ByteOrder.nativeOrder());
    }
}
