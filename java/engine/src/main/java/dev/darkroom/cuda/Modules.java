package dev.darkroom.cuda;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import jcuda.driver.CUfunction;
import jcuda.driver.CUfunction_attribute;
import jcuda.driver.CUmodule;
import jcuda.driver.JCudaDriver;

/** The kernels of a device, compiled and loaded when they are first asked for. */
final class Modules implements AutoCloseable {
    private static final int STATIC_SHARED_LIMIT = 48 << 10; // above this a kernel must say how much it takes

    private final CudaStream stream;
    private final KernelCompiler compiler;
    private final GpuProperties gpu;
    private final Map<List<String>, CUmodule> loaded = new HashMap<>();
    private final Map<List<String>, Kernel> kernels = new HashMap<>();

    Modules(CudaStream stream, KernelCompiler compiler, GpuProperties gpu) {
        this.stream = stream;
        this.compiler = compiler;
        this.gpu = gpu;
    }

    /** What the device is. */
    GpuProperties gpu() {
        return gpu;
    }

    CudaStream stream() {
        return stream;
    }

    /**
     * A kernel.
     *
     * @param file     in kernels/, such as {@code groupnorm.cu}
     * @param function its name there
     * @param defines  compile-time choices, such as {@code T=f16}
     */
    Kernel kernel(String file, String function, String... defines) {
        List<String> key = new ArrayList<>(List.of(defines));
        key.add(0, file);
        key.add(1, function);
        Kernel known = kernels.get(key);
        if (known == null) {
            known = load(file, function, List.of(defines));
            kernels.put(key, known);
        }
        return known;
    }

    private Kernel load(String file, String function, List<String> defines) {
        stream.requireNotRecording("loading kernel " + function + " of " + file);
        stream.handle();
        List<String> key = new ArrayList<>(defines);
        key.add(0, file);
        CUmodule module = loaded.get(key);
        if (module == null) {
            module = new CUmodule();
            byte[] image = compiler.compile(file, defines, gpu.capability());
            stream.check(JCudaDriver.cuModuleLoadData(module, image), "cuModuleLoadData of " + file);
            loaded.put(key, module);
        }
        CUfunction handle = new CUfunction();
        stream.check(
                JCudaDriver.cuModuleGetFunction(handle, module, function),
                "cuModuleGetFunction of " + function + " in " + file);
        if (gpu.sharedBytesPerBlock() > STATIC_SHARED_LIMIT) {
            int[] fixed = new int[1];
            stream.check(
                    JCudaDriver.cuFuncGetAttribute(
                            fixed, CUfunction_attribute.CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES, handle),
                    "cuFuncGetAttribute");
            stream.check(
                    JCudaDriver.cuFuncSetAttribute(
                            handle,
                            CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES,
                            gpu.sharedBytesPerBlock() - fixed[0]),
                    "cuFuncSetAttribute");
        }
        return new Kernel(stream, function, handle);
    }

    @Override
    public void close() {
        loaded.values().forEach(module -> stream.check(JCudaDriver.cuModuleUnload(module), "cuModuleUnload"));
        loaded.clear();
        kernels.clear();
    }
}
