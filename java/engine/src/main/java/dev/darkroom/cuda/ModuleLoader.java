package dev.darkroom.cuda;

import dev.darkroom.cuda.bind.CudaUnavailableException;
import dev.darkroom.tensor.DeviceException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import jcuda.driver.CUfunction;
import jcuda.driver.CUfunction_attribute;
import jcuda.driver.CUmodule;
import jcuda.driver.CUresult;
import jcuda.driver.JCudaDriver;

/** Loads images of kernels into the context of a GPU. */
final class ModuleLoader implements Modules.Loader {
    private static final System.Logger LOGGER = System.getLogger(ModuleLoader.class.getName());
    private static final int STATIC_SHARED_LIMIT = 48 << 10; // above this a kernel must say how much it takes

    /** What the driver says of an image that it cannot use, whoever's fault that is. */
    static final Set<Integer> REFUSALS = Set.of(
            CUresult.CUDA_ERROR_INVALID_IMAGE,
            CUresult.CUDA_ERROR_NO_BINARY_FOR_GPU,
            CUresult.CUDA_ERROR_INVALID_SOURCE,
            CUresult.CUDA_ERROR_INVALID_PTX,
            CUresult.CUDA_ERROR_UNSUPPORTED_PTX_VERSION);

    private final CudaStream stream;
    private final KernelCompiler compiler;
    private final GpuProperties gpu;
    private final Map<List<String>, CUmodule> loaded = new HashMap<>();

    ModuleLoader(CudaStream stream, KernelCompiler compiler, GpuProperties gpu) {
        this.stream = stream;
        this.compiler = compiler;
        this.gpu = gpu;
    }

    @Override
    public Kernel load(String file, String function, List<String> defines) {
        stream.requireNotRecording("loading kernel " + function + " of " + file);
        stream.handle();
        List<String> key = new ArrayList<>(defines);
        key.add(0, file);
        CUmodule module = loaded.get(key);
        if (module == null) {
            module = module(file, defines);
            loaded.put(key, module);
        }
        CUfunction handle = new CUfunction();
        stream.check(
                JCudaDriver.cuModuleGetFunction(handle, module, function),
                "cuModuleGetFunction of " + function + " in " + file);
        allowSharedMemory(handle);
        return new Kernel(stream, file.replace(".cu", "/") + function, handle);
    }

    /** The module of an image; one that the driver refuses is compiled anew, once. */
    private CUmodule module(String file, List<String> defines) {
        CUmodule module = new CUmodule();
        KernelCompiler.Image image = image(file, defines);
        int code = load(module, image);
        if (REFUSALS.contains(code) && !image.fresh() && compiler.canCompile()) {
            LOGGER.log(
                    System.Logger.Level.WARNING,
                    "the driver refuses the kept image of kernels/{0} with {1}; compiling anew",
                    file,
                    CUresult.stringFor(code));
            code = load(module, compiler.freshImage(file, defines));
        }
        stream.check(code, "cuModuleLoadData of kernels/" + file + " " + String.join(" ", defines));
        return module;
    }

    private KernelCompiler.Image image(String file, List<String> defines) {
        try {
            return compiler.image(file, defines);
        } catch (CudaUnavailableException e) {
            throw new DeviceException(
                    String.valueOf(e.getMessage()), e); // the device is there, what would compile is not
        }
    }

    private int load(CUmodule module, KernelCompiler.Image image) {
        int code = JCudaDriver.cuModuleLoadData(module, image.bytes());
        return stream.errors().makesRoom(code) ? JCudaDriver.cuModuleLoadData(module, image.bytes()) : code;
    }

    private void allowSharedMemory(CUfunction function) {
        if (gpu.sharedBytesPerBlock() > STATIC_SHARED_LIMIT) {
            int[] fixed = new int[1];
            stream.check(
                    JCudaDriver.cuFuncGetAttribute(
                            fixed, CUfunction_attribute.CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES, function),
                    "cuFuncGetAttribute");
            stream.check(
                    JCudaDriver.cuFuncSetAttribute(
                            function,
                            CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES,
                            gpu.sharedBytesPerBlock() - fixed[0]),
                    "cuFuncSetAttribute");
        }
    }

    @Override
    public void close() {
        DriverErrors errors = stream.errors();
        stream.handleForReturns();
        loaded.values().forEach(module -> errors.checkReturn(JCudaDriver.cuModuleUnload(module), "cuModuleUnload"));
        loaded.clear();
    }
}
