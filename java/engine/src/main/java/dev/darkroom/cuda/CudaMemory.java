package dev.darkroom.cuda;

import dev.darkroom.tensor.MemoryPool;
import jcuda.driver.CUresult;
import jcuda.driver.JCudaDriver;

/** The GPU's memory: where the pool's segments come from. */
final class CudaMemory implements MemoryPool.Backing {
    private final CudaStream stream;

    CudaMemory(CudaStream stream) {
        this.stream = stream;
    }

    @Override
    public long reserve(long bytes) {
        stream.requireNotRecording("reserving memory");
        stream.handle();
        DeviceAddress address = new DeviceAddress();
        int code = JCudaDriver.cuMemAlloc(address, bytes);
        if (code == CUresult.CUDA_ERROR_OUT_OF_MEMORY) {
            return 0;
        }
        stream.check(code, "cuMemAlloc");
        return address.value();
    }

    @Override
    public void release(long address, long bytes) {
        stream.synchronize(); // what was queued may still use it
        stream.check(JCudaDriver.cuMemFree(DeviceAddress.of(address)), "cuMemFree");
    }

    @Override
    public void poison(long address, long bytes) {
        stream.fill(address, (byte) 0xFF, bytes);
    }
}
