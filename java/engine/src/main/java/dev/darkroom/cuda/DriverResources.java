package dev.darkroom.cuda;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.function.IntSupplier;
import jcuda.Pointer;
import jcuda.driver.CUevent;
import jcuda.driver.CUevent_flags;
import jcuda.driver.CUstream;
import jcuda.driver.CUstream_flags;
import jcuda.driver.JCudaDriver;

/** What part of a device takes from the driver besides tensors; closing gives all of it back, the newest first. */
final class DriverResources implements AutoCloseable {
    /** How something is given back. */
    private record Return(String call, IntSupplier driver) {}

    private final CudaStream compute;
    private final Deque<Return> returns = new ArrayDeque<>();

    /** @param compute what uses it; waited for before anything is given back */
    DriverResources(CudaStream compute) {
        this.compute = compute;
    }

    /** Fills in {@code bytes} of pinned host memory. */
    void pinned(Pointer memory, long bytes) {
        take("cuMemAllocHost", () -> JCudaDriver.cuMemAllocHost(memory, bytes));
        returns.push(new Return("cuMemFreeHost", () -> JCudaDriver.cuMemFreeHost(memory)));
    }

    /** Fills in {@code bytes} of device memory. */
    void memory(DeviceAddress memory, long bytes) {
        take("cuMemAlloc", () -> JCudaDriver.cuMemAlloc(memory, bytes));
        returns.push(new Return("cuMemFree", () -> JCudaDriver.cuMemFree(memory)));
    }

    /** Fills in an event without time. */
    void event(CUevent event) {
        take("cuEventCreate", () -> JCudaDriver.cuEventCreate(event, CUevent_flags.CU_EVENT_DISABLE_TIMING));
        returns.push(new Return("cuEventDestroy", () -> JCudaDriver.cuEventDestroy(event)));
    }

    /** Fills in a stream that waits for no other by itself. */
    void stream(CUstream stream) {
        take("cuStreamCreate", () -> JCudaDriver.cuStreamCreate(stream, CUstream_flags.CU_STREAM_NON_BLOCKING));
        returns.push(new Return("cuStreamDestroy", () -> JCudaDriver.cuStreamDestroy(stream)));
    }

    private void take(String call, IntSupplier driver) {
        compute.handle();
        compute.make(call, driver);
    }

    @Override
    public void close() {
        DriverErrors errors = compute.errors();
        errors.checkReturn(JCudaDriver.cuStreamSynchronize(compute.handleForReturns()), "cuStreamSynchronize");
        while (!returns.isEmpty()) {
            Return last = returns.pop();
            errors.checkReturn(last.driver().getAsInt(), last.call());
        }
    }
}
