package dev.darkroom.cpu;

import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Device;
import dev.darkroom.tensor.MemoryPool;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Tensor;
import java.lang.management.ManagementFactory;
import org.jspecify.annotations.Nullable;

/** The processor of this machine, with oneDNN for the heavy operations. Work is done when a call returns. */
public final class CpuDevice implements Device {
    /** Free memory that is kept for what comes next; more would add up, since a decoder can use little of what a U-Net leaves. */
    private static final long CACHE_BYTES = 256L << 20;

    private static final double SHARE_OF_MEMORY =
            0.9; // of the machine or its container; the rest is for the JVM and others

    private final OneDnn library;
    private final MemoryPool pool;
    private final CpuEngine engine;
    private @Nullable ScopeListener listener;

    private CpuDevice(OneDnn library, boolean poison) {
        this.library = library;
        pool = new MemoryPool(
                name(),
                new NativeMemory(library.symbol("madvise")),
                (long) (SHARE_OF_MEMORY * physicalMemory()),
                poison);
        pool.setCacheLimit(CACHE_BYTES);
        engine = new CpuEngine(library);
    }

    /**
     * The CPU device on as many threads as this process may use (a container's limit counts).
     *
     * @throws CpuUnavailableException when oneDNN cannot be loaded; says why and what to do
     */
    public static CpuDevice open() {
        return open(Runtime.getRuntime().availableProcessors(), false);
    }

    /**
     * The CPU device on {@code threads} threads.
     *
     * @param poison whether released memory is filled with NaN, so that a use after release shows; for tests
     * @throws CpuUnavailableException when oneDNN cannot be loaded; says why and what to do
     */
    public static CpuDevice open(int threads, boolean poison) {
        if (threads < 1) {
            throw new IllegalArgumentException("threads is " + threads + ", must be at least 1");
        }
        return new CpuDevice(OneDnn.load(threads), poison);
    }

    @Override
    public String name() {
        return "cpu";
    }

    @Override
    public String description() {
        return "oneDNN " + OneDnn.version() + " with " + library.instructionSet() + " on " + library.threads()
                + (library.threads() == 1 ? " thread" : " threads");
    }

    @Override
    public DType preferredType() {
        return library.hasFastBf16() ? DType.BF16 : DType.F32;
    }

    @Override
    public Ops ops(Scope scope) {
        library.useAllThreads(); // also for the kernels that are made: they are made for a number of threads
        return new CpuOps(this, engine, scope);
    }

    @Override
    public MemoryPool pool() {
        return pool;
    }

    @Override
    public float[] download(Tensor tensor) {
        float[] values = new float[Math.toIntExact(tensor.shape().count())];
        NativeMemory.read(tensor, 0, values, values.length);
        return values;
    }

    @Override
    public byte[] downloadBytes(Tensor tensor) {
        if (tensor.dtype() != DType.U8) {
            throw new IllegalArgumentException(tensor + " is not u8; its values are read with toHost");
        }
        byte[] values = new byte[Math.toIntExact(tensor.byteSize())];
        NativeMemory.buffer(tensor.address(), values.length).get(values);
        return values;
    }

    @Override
    public void synchronize() {
        // Calls return when their work is done.
    }

    @Override
    public void observe(@Nullable ScopeListener newListener) {
        listener = newListener;
    }

    @Override
    public @Nullable ScopeListener observer() {
        return listener;
    }

    @Override
    public void close() {
        pool.close();
    }

    private static long physicalMemory() {
        return ManagementFactory.getOperatingSystemMXBean() instanceof com.sun.management.OperatingSystemMXBean system
                ? system.getTotalMemorySize()
                : Long.MAX_VALUE / 2;
    }
}
