package dev.darkroom.cuda.bind;

import java.util.Map;
import jcuda.driver.CUresult;

/** Turns the driver's error codes into words and exceptions. */
public final class Cuda {
    /** Codes that JCuda 12.6 has no names for. */
    private static final Map<Integer, String> NEWER = Map.of(
            226, "CUDA_ERROR_CONTAINED",
            721, "CUDA_ERROR_TENSOR_MEMORY_LEAK",
            913, "CUDA_ERROR_FUNCTION_NOT_LOADED",
            914, "CUDA_ERROR_INVALID_RESOURCE_TYPE",
            915, "CUDA_ERROR_INVALID_RESOURCE_CONFIGURATION",
            916, "CUDA_ERROR_KEY_ROTATION");

    private Cuda() {}

    /** Throws when {@code code}, which {@code call} returned, is an error. */
    public static void check(int code, String call) {
        if (code != CUresult.CUDA_SUCCESS) {
            throw new CudaException(code, call + " failed with " + name(code));
        }
    }

    /** Name and number of a code: {@code CUDA_ERROR_OUT_OF_MEMORY (2)}. */
    public static String name(int code) {
        return NEWER.getOrDefault(code, CUresult.stringFor(code)) + " (" + code + ")";
    }
}
