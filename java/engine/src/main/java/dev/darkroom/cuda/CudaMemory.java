package dev.darkroom.cuda;

import dev.darkroom.cuda.bind.Severity;
import dev.darkroom.tensor.MemoryPool;
import jcuda.driver.JCudaDriver;

/** The GPU's memory: where the pool's segments come from. */
final class CudaMemory implements MemoryPool.Backing {
    private final CudaStream stream;
    private final DriverErrors errors;

    CudaMemory(CudaStream stream) {
        this.stream = stream;
        errors = stream.errors();
    }

    @Override
    public long reserve(long bytes) {
        stream.requireNotRecording("reserving memory");
        stream.handle();
        DeviceAddress address = new DeviceAddress();
        int code = JCudaDriver.cuMemAlloc(address, bytes);
        if (Severity.of(code) == Severity.MEMORY) {
            return 0;
        }
        errors.check(code, "cuMemAlloc");
        return address.value();
    }

    /** Waits: what was queued may still use it. */
    @Override
    public void release(long address, long bytes) {
        errors.checkReturn(JCudaDriver.cuStreamSynchronize(stream.handleForReturns()), "cuStreamSynchronize");
        errors.checkReturn(JCudaDriver.cuMemFree(DeviceAddress.of(address)), "cuMemFree");
    }

    @Override
    public void poison(long address, long bytes) {
        DeviceAddress target = DeviceAddress.of(address);
        errors.checkReturn(
                JCudaDriver.cuMemsetD8Async(target, (byte) 0xFF, bytes, stream.handleForReturns()), "cuMemsetD8Async");
    }
}
