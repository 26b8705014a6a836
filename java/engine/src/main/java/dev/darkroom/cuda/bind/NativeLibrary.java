package dev.darkroom.cuda.bind;

import dev.darkroom.cuda.bind.LibraryFinding.Found;
import java.io.IOException;
import java.nio.file.FileSystems;
import java.nio.file.Path;
import java.util.List;
import org.bytedeco.javacpp.Loader;
import org.lwjgl.system.JNI;
import org.lwjgl.system.MemoryStack;
import org.lwjgl.system.MemoryUtil;
import org.lwjgl.system.linux.DynamicLinkLoader;

/**
 * A library of CUDA in this process.
 *
 * <p>A function that a library lacks ends the process when JCuda calls it. Therefore whoever binds JCuda to a library first asks here for the
 * functions that will be called.
 */
public final class NativeLibrary {
    private final Found found;
    private final long handle;

    private NativeLibrary(Found found, long handle) {
        this.found = found;
        this.handle = handle;
    }

    /**
     * Loads what was found, after what it needs beside it. Stays loaded; loading again gives the same.
     *
     * @throws CudaUnavailableException when the loader refuses; says why
     */
    public static NativeLibrary load(Found found) {
        Path folder = found.path().resolveSibling("");
        for (String pattern : found.library().loadedBefore(found.major())) {
            Folders.entries(folder, pattern).forEach(NativeLibrary::open);
        }
        return new NativeLibrary(found, open(found.path()));
    }

    /** What was loaded. */
    public Found found() {
        return found;
    }

    /** Whether the library has a function. */
    public boolean has(String function) {
        return DynamicLinkLoader.dlsym(handle, function) != 0;
    }

    /**
     * Makes sure that the library has every one of some functions.
     *
     * @throws CudaUnavailableException when it has not
     */
    public void require(List<String> functions) {
        List<String> lacking =
                functions.stream().filter(function -> !has(function)).toList();
        if (!lacking.isEmpty()) {
            throw new CudaUnavailableException(
                    "the " + found.library().title() + " lacks functions",
                    Folders.name(found.path()) + " has no " + String.join(", ", lacking) + "; "
                            + found.library().remedy());
        }
    }

    /** The library's own word on its version: 13.0 or 9.10.2; of the driver the CUDA that it is made for. */
    public String version() {
        return switch (found.library()) {
            case DRIVER -> CudaVersion.text(driverVersion());
            case NVRTC -> nvrtcVersion();
            case CUBLAS -> cublasProperty(0) + "." + cublasProperty(1) + "." + cublasProperty(2);
            case CUDNN -> cudnnVersion();
        };
    }

    /** Of the driver: the CUDA that it is made for, 12060 for 12.6. */
    int driverVersion() {
        int[] version = new int[1];
        check("cuDriverGetVersion", JNI.callPI(version, function("cuDriverGetVersion")));
        return version[0];
    }

    private String nvrtcVersion() {
        try (MemoryStack stack = MemoryStack.stackPush()) {
            long values = stack.ncalloc(Integer.BYTES, 2, Integer.BYTES);
            check("nvrtcVersion", JNI.callPPI(values, values + Integer.BYTES, function("nvrtcVersion")));
            return MemoryUtil.memGetInt(values) + "." + MemoryUtil.memGetInt(values + Integer.BYTES);
        }
    }

    /** 0: the major version, 1: the minor one, 2: the patch. */
    private int cublasProperty(int kind) {
        int[] value = new int[1];
        check("cublasGetProperty", JNI.callPI(kind, value, function("cublasGetProperty")));
        return value[0];
    }

    private String cudnnVersion() {
        long version = JNI.callP(function("cudnnGetVersion")); // a size_t: 91002
        return version / 10_000 + "." + version % 10_000 / 100 + "." + version % 100;
    }

    private void check(String function, int code) {
        if (code != 0) {
            throw new CudaUnavailableException(
                    "the " + found.library().title() + " does not work",
                    function + " of " + Folders.name(found.path()) + " failed with code " + code);
        }
    }

    private long function(String name) {
        require(List.of(name));
        return DynamicLinkLoader.dlsym(handle, name);
    }

    private static long open(Path path) {
        long handle = DynamicLinkLoader.dlopen(onDisk(path).toAbsolutePath().toString(), DynamicLinkLoader.RTLD_LAZY);
        if (handle == 0) {
            throw new CudaUnavailableException(
                    Folders.name(path) + " cannot be loaded", String.valueOf(DynamicLinkLoader.dlerror()));
        }
        return handle;
    }

    /** A library in a jar is unpacked to where JavaCPP keeps those of the processor, once for all processes. */
    private static Path onDisk(Path path) {
        if (path.getFileSystem().equals(FileSystems.getDefault())) {
            return path;
        }
        try {
            return Loader.cacheResource(path.toUri().toURL()).toPath();
        } catch (IOException e) {
            throw new CudaUnavailableException(
                    Folders.name(path) + " cannot be unpacked",
                    e + "; org.bytedeco.javacpp.cachedir names another folder",
                    e);
        }
    }
}
