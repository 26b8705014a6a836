package dev.darkroom.cuda;

import jcuda.driver.CUdeviceptr;

/** A device address as JCuda takes it, or as it fills it in. */
final class DeviceAddress extends CUdeviceptr {
    /** No address yet. */
    DeviceAddress() {}

    private DeviceAddress(long address) {
        super(new CUdeviceptr(), address);
    }

    static DeviceAddress of(long address) {
        return new DeviceAddress(address);
    }

    long value() {
        return getNativePointer() + getByteOffset();
    }
}
