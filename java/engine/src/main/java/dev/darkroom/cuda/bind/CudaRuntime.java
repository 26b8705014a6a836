package dev.darkroom.cuda.bind;

import dev.darkroom.cuda.bind.LibraryFinding.Found;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import jcuda.driver.CUdevice;
import jcuda.driver.CUresult;
import jcuda.driver.JCudaDriver;
import org.jspecify.annotations.Nullable;

/** The driver and, where there is one, the runtime compiler of this machine, loaded and bound to JCuda once for the process. */
public final class CudaRuntime {
    private static @Nullable CudaRuntime instance;

    private final CudaLibraries libraries;
    private final NativeLibrary driver;
    private final int driverVersion;
    private final LibraryFinding nvrtc;
    private final Optional<Nvrtc> compiler;
    private final Map<CudaLibrary, LibraryBinding> optional = new EnumMap<>(CudaLibrary.class);

    private CudaRuntime(CudaLibraries libraries) {
        this.libraries = libraries;
        driver = NativeLibrary.load(libraries.driver().orThrow());
        driverVersion = driver.driverVersion();
        startDriver();
        LibraryFinding finding = find(CudaLibrary.NVRTC);
        Optional<Nvrtc> bound = Optional.empty();
        if (finding instanceof Found found) {
            try {
                bound = Optional.of(Nvrtc.bind(found));
            } catch (CudaUnavailableException e) {
                finding = found.unusable(String.valueOf(e.getMessage()));
            }
        }
        nvrtc = finding;
        compiler = bound;
    }

    /**
     * The runtime, loaded at the first call. That NVRTC is missing does not make it fail: kernels may have been compiled before.
     *
     * @throws CudaUnavailableException when there is no driver that can be used
     */
    public static synchronized CudaRuntime open() {
        CudaRuntime known = instance;
        if (known == null) {
            known = new CudaRuntime(CudaLibraries.ofThisMachine());
            instance = known;
        }
        return known;
    }

    /**
     * The GPU of number {@code ordinal}.
     *
     * @throws CudaUnavailableException when there are not as many, or it is too old
     */
    public CUdevice device(int ordinal) {
        int count = count();
        if (ordinal >= count) {
            throw new CudaUnavailableException(
                    "there is no cuda:" + ordinal,
                    "the driver sees " + count + (count == 1 ? " GPU" : " GPUs")
                            + (count == 0 ? "" : ", from cuda:0 to cuda:" + (count - 1)));
        }
        CUdevice device = handle(ordinal);
        Gpu gpu = Gpu.of(ordinal, device);
        if (!gpu.problem().isEmpty()) {
            throw new CudaUnavailableException("cuda:" + ordinal + " cannot be used", gpu.problem());
        }
        return device;
    }

    /** All GPUs, those that cannot be used with the reason. */
    public List<Gpu> gpus() {
        return IntStream.range(0, count())
                .mapToObj(ordinal -> Gpu.of(ordinal, handle(ordinal)).measured(handle(ordinal)))
                .toList();
    }

    /** A library of a version that goes with the driver. */
    public LibraryFinding find(CudaLibrary library) {
        return libraries.find(library, OptionalInt.of(driverVersion));
    }

    /** cuBLAS or cuDNN, loaded and bound to JCuda at the first call for it, or why there is none. */
    public synchronized LibraryBinding optional(CudaLibrary library) {
        return optional.computeIfAbsent(library, l -> LibraryBinding.of(find(l)));
    }

    /** The runtime compiler, or why there is none. */
    public LibraryFinding nvrtc() {
        return nvrtc;
    }

    /** The runtime compiler itself, or nothing where there is none. */
    public Optional<Nvrtc> compiler() {
        return compiler;
    }

    /** The driver. */
    public LibraryFinding.Found driver() {
        return driver.found();
    }

    /** The version of CUDA that the driver is made for: 12060 for 12.6. */
    public int driverVersion() {
        return driverVersion;
    }

    /** Whether the driver is one that DARKROOM_CUDA_DRIVER names: what was built for GPUs does not go with it. */
    public boolean isNamedDriver() {
        return driver.found().place().origin().equals(SearchPath.DRIVER_SETTING);
    }

    /** Versions, in a few words. */
    public String description() {
        return "driver for CUDA " + CudaVersion.text(driverVersion)
                + compiler.map(nvrtc -> ", NVRTC " + nvrtc.version()).orElse(", no NVRTC");
    }

    private void startDriver() {
        String path = Folders.name(driver.found().path());
        if (driverVersion < CudaVersion.OLDEST) {
            throw new CudaUnavailableException(
                    "the NVIDIA driver is too old",
                    path + " is made for CUDA " + CudaVersion.text(driverVersion) + "; needed is one for CUDA "
                            + CudaVersion.text(CudaVersion.OLDEST) + " or newer: release "
                            + CudaVersion.oldestDriver(CudaVersion.OLDEST / 1000));
        }
        driver.require(CalledFunctions.DRIVER);
        JCudaNatives.load("JCudaDriver", Map.of(), () -> JCudaDriver.setExceptionsEnabled(false));
        int code = JCudaDriver.cuInit(0);
        if (code == CUresult.CUDA_ERROR_NO_DEVICE) {
            throw new CudaUnavailableException("there is no GPU", "the driver " + path + " sees none");
        }
        if (code != CUresult.CUDA_SUCCESS) {
            throw new CudaUnavailableException(
                    "the NVIDIA driver does not start",
                    path + " says " + CUresult.stringFor(code) + "; see what nvidia-smi says");
        }
    }

    private static int count() {
        int[] count = new int[1];
        Cuda.check(JCudaDriver.cuDeviceGetCount(count), "cuDeviceGetCount");
        return count[0];
    }

    private static CUdevice handle(int ordinal) {
        CUdevice device = new CUdevice();
        Cuda.check(JCudaDriver.cuDeviceGet(device, ordinal), "cuDeviceGet");
        return device;
    }
}
