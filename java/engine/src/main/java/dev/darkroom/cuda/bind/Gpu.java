package dev.darkroom.cuda.bind;

import java.nio.charset.StandardCharsets;
import jcuda.driver.CUcontext;
import jcuda.driver.CUdevice;
import jcuda.driver.CUdevice_attribute;
import jcuda.driver.CUresult;
import jcuda.driver.JCudaDriver;

/**
 * A GPU as the driver tells of it.
 *
 * @param name       as its maker calls it
 * @param capability compute capability without the point: 90 for 9.0
 * @param freeBytes  of its memory; 0 where {@code problem} tells why that is not known
 * @param problem    why it cannot be used; empty where it can
 */
public record Gpu(int ordinal, String name, int capability, long totalBytes, long freeBytes, String problem) {

    /** Turing: the first with the tensor core operations and the instructions that the kernels are made of. */
    private static final int LEAST_CAPABILITY = 75;

    static Gpu of(int ordinal, CUdevice device) {
        byte[] name = new byte[256];
        Cuda.check(JCudaDriver.cuDeviceGetName(name, name.length, device), "cuDeviceGetName");
        int major = attribute(device, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR);
        int minor = attribute(device, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
        long[] total = new long[1];
        Cuda.check(JCudaDriver.cuDeviceTotalMem(total, device), "cuDeviceTotalMem");
        Gpu gpu = new Gpu(
                ordinal,
                new String(name, StandardCharsets.UTF_8).replaceAll("\0.*", ""),
                10 * major + minor,
                total[0],
                0,
                "");
        return gpu.capability < LEAST_CAPABILITY ? gpu.withProblem(gpu.tooOld()) : gpu;
    }

    /** The compute capability as people write it: 9.0. */
    public String capabilityText() {
        return text(capability);
    }

    /** This GPU with the memory that is free now, which only a context on it tells. */
    Gpu measured(CUdevice device) {
        if (!problem.isEmpty()) {
            return this;
        }
        CUcontext context = new CUcontext();
        int code = JCudaDriver.cuDevicePrimaryCtxRetain(context, device);
        if (code != CUresult.CUDA_SUCCESS) {
            return withProblem("cuda:" + ordinal + " gives no context: " + CUresult.stringFor(code));
        }
        try {
            long[] free = new long[1];
            Cuda.check(JCudaDriver.cuCtxPushCurrent(context), "cuCtxPushCurrent");
            int answer = JCudaDriver.cuMemGetInfo(free, new long[1]);
            Cuda.check(JCudaDriver.cuCtxPopCurrent(context), "cuCtxPopCurrent");
            return answer == CUresult.CUDA_SUCCESS
                    ? new Gpu(ordinal, name, capability, totalBytes, free[0], "")
                    : withProblem("cuda:" + ordinal + " does not tell its memory: " + CUresult.stringFor(answer));
        } finally {
            Cuda.check(JCudaDriver.cuDevicePrimaryCtxRelease(device), "cuDevicePrimaryCtxRelease");
        }
    }

    private Gpu withProblem(String text) {
        return new Gpu(ordinal, name, capability, totalBytes, freeBytes, text);
    }

    private String tooOld() {
        return name + " has compute capability " + text(capability) + "; needed is " + text(LEAST_CAPABILITY)
                + " (Turing) or newer";
    }

    private static String text(int capability) {
        return capability / 10 + "." + capability % 10;
    }

    private static int attribute(CUdevice device, int attribute) {
        int[] value = new int[1];
        Cuda.check(JCudaDriver.cuDeviceGetAttribute(value, attribute, device), "cuDeviceGetAttribute");
        return value[0];
    }
}
