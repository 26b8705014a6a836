package dev.darkroom.cuda.bind;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import jcuda.driver.CUdevice;
import jcuda.driver.CUresult;
import jcuda.driver.JCudaDriver;
import jcuda.nvrtc.JNvrtc;
import org.jspecify.annotations.Nullable;

/** The driver and the runtime compiler of this machine, loaded and bound to JCuda once for the process. */
public final class CudaRuntime {
    private static final int OLDEST_DRIVER = 12000; // CUDA 12.0, the oldest whose cubins and calls we use
    private static @Nullable CudaRuntime instance;

    private final int driverVersion;
    private final Optional<String> nvrtcVersion;

    private CudaRuntime() {
        CudaLibraries libraries = CudaLibraries.ofThisMachine();
        Path driver = libraries.driver();
        load(driver);
        JCudaNatives.load("JCudaDriver", Map.of(), () -> JCudaDriver.setExceptionsEnabled(false));
        int code = JCudaDriver.cuInit(0);
        if (code != CUresult.CUDA_SUCCESS) {
            throw new CudaUnavailableException(
                    "the NVIDIA driver does not start",
                    driver + " says " + CUresult.stringFor(code) + "; see what nvidia-smi says");
        }
        int[] version = new int[1];
        Cuda.check(JCudaDriver.cuDriverGetVersion(version), "cuDriverGetVersion");
        driverVersion = version[0];
        if (driverVersion < OLDEST_DRIVER) {
            throw new CudaUnavailableException(
                    "the NVIDIA driver is too old",
                    driver + " is made for CUDA " + release(driverVersion) + "; needed is one for CUDA "
                            + release(OLDEST_DRIVER) + " or newer");
        }
        nvrtcVersion = libraries.nvrtc().map(path -> bindNvrtc(libraries, path));
    }

    /**
     * The runtime, loaded at the first call.
     *
     * @throws CudaUnavailableException when there is no driver that can be used
     */
    public static synchronized CudaRuntime open() {
        CudaRuntime known = instance;
        if (known == null) {
            known = new CudaRuntime();
            instance = known;
        }
        return known;
    }

    /**
     * The GPU of number {@code ordinal}.
     *
     * @throws CudaUnavailableException when there are not as many
     */
    public CUdevice device(int ordinal) {
        int[] count = new int[1];
        Cuda.check(JCudaDriver.cuDeviceGetCount(count), "cuDeviceGetCount");
        if (ordinal >= count[0]) {
            throw new CudaUnavailableException(
                    "there is no cuda:" + ordinal,
                    count[0] == 0 ? "the driver sees no GPU" : "the driver sees " + count[0] + ", from cuda:0 on");
        }
        CUdevice device = new CUdevice();
        Cuda.check(JCudaDriver.cuDeviceGet(device, ordinal), "cuDeviceGet");
        return device;
    }

    /** The version of the runtime compiler, or nothing where it was not found. */
    public Optional<String> nvrtcVersion() {
        return nvrtcVersion;
    }

    /** Versions, in a few words. */
    public String description() {
        return "driver for CUDA " + release(driverVersion)
                + nvrtcVersion.map(version -> ", NVRTC " + version).orElse(", no NVRTC");
    }

    private static String bindNvrtc(CudaLibraries libraries, Path path) {
        try {
            libraries.builtinsOf(path).forEach(CudaRuntime::load); // else compiling fails with code 7
        } catch (IOException e) {
            throw new UncheckedIOException("the folder of " + path + " cannot be read", e);
        }
        load(path);
        JCudaNatives.load(
                "JNvrtc",
                Map.of("libnvrtc.so.12", path.getFileName().toString()),
                () -> JNvrtc.setExceptionsEnabled(false));
        int[] major = new int[1];
        int[] minor = new int[1];
        JNvrtc.nvrtcVersion(major, minor);
        return major[0] + "." + minor[0];
    }

    private static void load(Path library) {
        try {
            System.load(library.toAbsolutePath().toString());
        } catch (UnsatisfiedLinkError e) {
            throw new CudaUnavailableException(library + " cannot be loaded", String.valueOf(e.getMessage()), e);
        }
    }

    private static String release(int version) {
        return version / 1000 + "." + version % 1000 / 10;
    }
}
