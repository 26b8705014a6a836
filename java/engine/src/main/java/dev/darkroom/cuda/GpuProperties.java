package dev.darkroom.cuda;

import dev.darkroom.cuda.bind.Cuda;
import java.nio.charset.StandardCharsets;
import jcuda.driver.CUdevice;
import jcuda.driver.CUdevice_attribute;
import jcuda.driver.JCudaDriver;

/**
 * What a GPU is.
 *
 * @param name                as its maker calls it
 * @param capability          compute capability without the point: 75, 80, 90
 * @param multiprocessors     number of streaming multiprocessors
 * @param sharedBytesPerBlock the most shared memory that one block can have
 */
record GpuProperties(String name, int capability, int multiprocessors, int sharedBytesPerBlock) {
    static GpuProperties of(CUdevice device) {
        byte[] name = new byte[256];
        Cuda.check(JCudaDriver.cuDeviceGetName(name, name.length, device), "cuDeviceGetName");
        int major = attribute(device, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR);
        int minor = attribute(device, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
        return new GpuProperties(
                new String(name, StandardCharsets.UTF_8).replaceAll("\0.*", ""),
                10 * major + minor,
                attribute(device, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT),
                attribute(device, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN));
    }

    /** Whether there are conversions and matrix products of bf16. */
    boolean hasBf16() {
        return capability >= 80;
    }

    /** The compute capability as people write it: 8.0. */
    String capabilityText() {
        return capability / 10 + "." + capability % 10;
    }

    private static int attribute(CUdevice device, int attribute) {
        int[] value = new int[1];
        Cuda.check(JCudaDriver.cuDeviceGetAttribute(value, attribute, device), "cuDeviceGetAttribute");
        return value[0];
    }
}
