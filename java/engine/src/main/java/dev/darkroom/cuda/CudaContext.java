package dev.darkroom.cuda;

import dev.darkroom.cuda.bind.Cuda;
import dev.darkroom.cuda.bind.CudaUnavailableException;
import jcuda.driver.CUcontext;
import jcuda.driver.CUdevice;
import jcuda.driver.JCudaDriver;

/** A GPU's primary context, held until it is closed. */
final class CudaContext implements AutoCloseable {
    private final CUcontext context = new CUcontext();
    private final CUdevice device;
    private final DriverErrors errors;

    /**
     * Makes it current on the calling thread.
     *
     * @throws CudaUnavailableException when the GPU gives none, as one that another process has for itself or that is full
     */
    CudaContext(String name, CUdevice device, DriverErrors errors) {
        this.device = device;
        this.errors = errors;
        int code = JCudaDriver.cuDevicePrimaryCtxRetain(context, device);
        if (code != 0) {
            throw new CudaUnavailableException(
                    name + " gives no context",
                    "cuDevicePrimaryCtxRetain failed with " + Cuda.name(code)
                            + "; see with nvidia-smi which processes use the GPU");
        }
        makeCurrent();
    }

    void makeCurrent() {
        errors.check(JCudaDriver.cuCtxSetCurrent(context), "cuCtxSetCurrent");
    }

    /** Memory that is free now, in bytes. */
    long freeBytes() {
        long[] free = new long[1];
        errors.check(JCudaDriver.cuMemGetInfo(free, new long[1]), "cuMemGetInfo");
        return free[0];
    }

    /** The last holder's ends the context and with it all that was made in it. */
    @Override
    public void close() {
        errors.checkReturn(JCudaDriver.cuDevicePrimaryCtxRelease(device), "cuDevicePrimaryCtxRelease");
    }
}
