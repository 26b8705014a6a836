package dev.darkroom.cuda.bind;

import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A library of CUDA: what its files are called, and what to do where it is missing. */
public enum CudaLibrary {
    /** The driver API. Its file says nothing of the version of CUDA that it is made for. */
    DRIVER(
            "NVIDIA driver",
            "libcuda.so",
            List.of(1),
            /* followsCuda= */ false,
            "install the driver, or name the folder that holds it in DARKROOM_CUDA_HOME; --device cpu needs none"),

    /** The runtime compiler. */
    NVRTC(
            "NVRTC",
            "libnvrtc.so",
            List.of(13, 12),
            /* followsCuda= */ true,
            "install the CUDA toolkit or the Python package nvidia-cuda-nvrtc, or name the folder that holds it in DARKROOM_CUDA_HOME"),

    /** Matrix products, with cuBLASLt, which lies beside it. */
    CUBLAS(
            "cuBLAS",
            "libcublas.so",
            List.of(13, 12),
            /* followsCuda= */ true,
            "optional, kernels of our own stand in; install the CUDA toolkit or the Python package nvidia-cublas"),

    /** Convolutions. The same file name serves every CUDA. */
    CUDNN(
            "cuDNN",
            "libcudnn.so",
            List.of(9),
            /* followsCuda= */ false,
            "optional, kernels of our own stand in; install cuDNN 9 or the Python package nvidia-cudnn-cu13 or nvidia-cudnn-cu12");

    private static final Pattern VERSION = Pattern.compile("(.*\\.so)\\.(\\d{1,4})(?:\\.\\d+)*");

    private final String title;
    private final String stem;
    private final List<Integer> majors;
    private final boolean followsCuda;
    private final String remedy;

    CudaLibrary(String title, String stem, List<Integer> majors, boolean followsCuda, String remedy) {
        this.title = title;
        this.stem = stem;
        this.majors = majors;
        this.followsCuda = followsCuda;
        this.remedy = remedy;
    }

    /** What people call it. */
    public String title() {
        return title;
    }

    /** What to do where it is missing. */
    public String remedy() {
        return remedy;
    }

    /** The file of a major version: {@code libnvrtc.so.13}, which is its soname too. */
    public String file(int major) {
        return stem + "." + major;
    }

    /** The files that are looked for, the preferred one first. */
    public List<String> files() {
        return majors.stream().map(this::file).toList();
    }

    /** What the names of all versions begin with. */
    String stem() {
        return stem;
    }

    /** The major version that a file's name tells; nothing where it is no name of this library. */
    OptionalInt majorOf(Path file) {
        Matcher name = VERSION.matcher(file.getFileName().toString());
        return name.matches() && name.group(1).equals(stem)
                ? OptionalInt.of(Integer.parseInt(name.group(2)))
                : OptionalInt.empty();
    }

    /** The major versions that can be used, the preferred one first. */
    List<Integer> majors() {
        return majors;
    }

    /** Whether the major version is CUDA's, so that a driver made for an older CUDA cannot serve it. */
    boolean followsCuda() {
        return followsCuda;
    }

    /** Files that must lie beside the library: cuDNN ends the process when it lacks one. */
    List<String> neededBeside(int major) {
        return switch (this) {
            case DRIVER, NVRTC -> List.of();
            case CUBLAS -> List.of("libcublasLt.so." + major);
            case CUDNN -> List.of("libcudnn_graph.so.9", "libcudnn_ops.so.9", "libcudnn_cnn.so.9");
        };
    }

    /** Patterns of the files beside the library that are loaded before it, in this order, so that its own names for them are known. */
    List<String> loadedBefore(int major) {
        return switch (this) {
            case DRIVER -> List.of();
            case NVRTC -> List.of("libnvrtc-builtins.so.*"); // else compiling fails
            case CUBLAS -> List.of("libcublasLt.so." + major);
            case CUDNN -> List.of("libcudnn_graph.so.9", "libcudnn_ops.so.9", "libcudnn_*.so.9");
        };
    }
}
