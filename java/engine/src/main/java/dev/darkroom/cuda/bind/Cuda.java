package dev.darkroom.cuda.bind;

import jcuda.driver.CUresult;

/** Turns the driver's error codes into exceptions. */
public final class Cuda {
    private Cuda() {}

    /** Throws when {@code code}, which {@code call} returned, is an error. */
    public static void check(int code, String call) {
        check(code, call, "");
    }

    /** As {@link #check(int, String)}, with what was going on. */
    public static void check(int code, String call, String circumstances) {
        if (code != CUresult.CUDA_SUCCESS) {
            throw new CudaException(
                    code,
                    call + " failed with " + CUresult.stringFor(code) + " (" + code + ")"
                            + (circumstances.isEmpty() ? "" : "; " + circumstances));
        }
    }
}
