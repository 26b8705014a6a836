package dev.darkroom.cuda;

import dev.darkroom.cuda.bind.CudaLibrary;
import dev.darkroom.cuda.bind.CudaRuntime;
import dev.darkroom.cuda.bind.LibraryBinding;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Device;
import dev.darkroom.tensor.HalfFloats;
import dev.darkroom.tensor.MemoryPool;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.RecordingStatistics;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Function;
import jcuda.driver.CUdevice;
import org.jspecify.annotations.Nullable;

/**
 * An NVIDIA GPU: its primary context, one stream in which all work is queued, and kernels of our own for every operation.
 *
 * <p>Driven by one thread at a time, whichever that is. An error of the driver fails the request, or it ends the device: see {@link DriverErrors}.
 */
public final class CudaDevice implements Device {
    /** Of the memory that is free when the device is opened; the rest is for the driver, for modules and for other processes. */
    private static final double SHARE_OF_FREE_MEMORY = 0.95;

    private final int ordinal;
    private final DriverErrors errors;
    private final CudaContext context;
    private final GpuProperties gpu;
    private final CudaStream stream;
    private final MemoryPool pool;
    private final Modules modules;
    private final Staging staging;
    private final CudaEngine engine;
    private final String description;
    private @Nullable ScopeListener listener;

    private CudaDevice(CudaRuntime runtime, int ordinal, boolean poison, Function<GpuProperties, ServingTable> tables) {
        this.ordinal = ordinal;
        CUdevice handle = runtime.device(ordinal);
        gpu = GpuProperties.of(handle);
        ServingTable table = tables.apply(gpu);
        KernelCompiler compiler = KernelCompiler.of(runtime, gpu);
        errors = new DriverErrors(name());
        context = new CudaContext(name(), handle, errors);
        try {
            long limit = (long) (SHARE_OF_FREE_MEMORY * context.freeBytes());
            stream = new CudaStream(context, errors);
            try {
                pool = new MemoryPool(name(), new CudaMemory(stream), limit, poison);
                errors.setPool(pool);
                modules = new Modules(stream, gpu, new ModuleLoader(stream, compiler, gpu));
                staging = new Staging(stream);
            } catch (RuntimeException | Error e) {
                stream.close();
                throw e;
            }
        } catch (RuntimeException | Error e) {
            context.close();
            throw e;
        }
        engine = new CudaEngine(modules, staging, table, runtime::optional);
        description = gpu.name() + ", compute capability " + gpu.capabilityText() + ", " + gpu.multiprocessors()
                + " multiprocessors, " + runtime.description() + ", " + engine.libraries.description();
    }

    /**
     * The GPU of number {@code ordinal}, from 0.
     *
     * @param poison whether released memory is filled with NaN, so that a use after release shows; for tests
     * @throws dev.darkroom.cuda.bind.CudaUnavailableException when it cannot be had; says why and what to do
     */
    public static CudaDevice open(int ordinal, boolean poison) {
        CudaRuntime runtime = CudaRuntime.open();
        return new CudaDevice(runtime, ordinal, poison, gpu -> ServingTables.of(gpu, runtime::optional));
    }

    /** As {@link #open(int, boolean)}, with a table that says which kernels serve which products. */
    static CudaDevice open(int ordinal, boolean poison, ServingTable table) {
        return new CudaDevice(CudaRuntime.open(), ordinal, poison, gpu -> table);
    }

    /** What carries out the operations, for measurements. */
    CudaEngine engine() {
        return engine;
    }

    @Override
    public String name() {
        return "cuda:" + ordinal;
    }

    @Override
    public String description() {
        return description;
    }

    @Override
    public DType preferredType() {
        return DType.F16;
    }

    @Override
    public Ops ops(Scope scope) {
        errors.requireDevice();
        return new CudaOps(this, engine, scope);
    }

    @Override
    public MemoryPool pool() {
        return pool;
    }

    @Override
    public float[] download(Tensor tensor) {
        float[] values = new float[Math.toIntExact(tensor.shape().count())];
        int[] done = {0};
        staging.download(tensor, bytes -> done[0] = read(bytes, tensor.dtype(), values, done[0]));
        return values;
    }

    /** Reads all of {@code bytes} into {@code values} from {@code start}; returns where it stopped. */
    private static int read(ByteBuffer bytes, DType dtype, float[] values, int start) {
        int count = bytes.remaining() / dtype.bytes();
        for (int i = 0; i < count; i++) {
            values[start + i] = switch (dtype) {
                case F32 -> bytes.getFloat(4 * i);
                case F16 -> HalfFloats.fromF16(bytes.getShort(2 * i));
                case BF16 -> HalfFloats.fromBf16(bytes.getShort(2 * i));
                case I32 -> bytes.getInt(4 * i);
                case I64 -> bytes.getLong(8 * i);
                case U8 -> bytes.get(i) & 0xff;
            };
        }
        return start + count;
    }

    @Override
    public byte[] downloadBytes(Tensor tensor) {
        if (tensor.dtype() != DType.U8) {
            throw new IllegalArgumentException(tensor + " is not u8; its values are read with toHost");
        }
        ByteBuffer values = ByteBuffer.allocate(Math.toIntExact(tensor.byteSize()));
        staging.download(tensor, values::put);
        return values.array();
    }

    @Override
    public void synchronize() {
        stream.synchronize();
    }

    GpuProperties gpu() {
        return gpu;
    }

    Modules modules() {
        return modules;
    }

    /** cuBLAS and cuDNN, bound at the first call. */
    Function<CudaLibrary, LibraryBinding> libraries() {
        return engine.libraries.libraries();
    }

    /**
     * Times our own kernels, cuBLAS and cuDNN on every product that was computed since the device was opened, and writes down which is the fastest
     * for the next time that the device is opened.
     *
     * @param file     the table; null for the one of this GPU in the user's cache folder
     * @param progress told a line for each product
     * @return the table that was written
     */
    public Path tune(@Nullable Path file, Consumer<String> progress) {
        ProductTuner tuner = new ProductTuner(this, engine, staging);
        List<ProductTuner.Finding> findings = new ArrayList<>();
        for (Product product : engine.libraries.products()) {
            ProductTuner.Finding finding = tuner.tune(product);
            progress.accept(finding.toString());
            findings.add(finding);
        }
        return ServingTables.write(file, gpu, libraries(), findings);
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
    public RecordingStatistics recordings() {
        return engine.recordings.statistics();
    }

    /** For each recording that is kept, how often it launches which kernel. */
    public List<Map<String, Integer>> recordedLaunches() {
        return engine.recordings.launches();
    }

    @Override
    public void close() {
        try (context;
                stream) {
            engine.close();
            staging.close();
            modules.close();
            pool.close();
        }
        errors.tell();
    }
}
