package dev.darkroom.cuda;

import java.util.ArrayList;
import java.util.List;
import jcuda.driver.JCudaDriver;

/**
 * Counters in device memory by which the blocks of a launch find out which of them comes last ({@code isLastBlock} of
 * {@code kernels/elements.cuh}).
 *
 * <p>They are 0 between launches: the last block to arrive sets its counter back. So that one set serves all kernels of a stream.
 */
final class ArrivalCounters implements AutoCloseable {
    private static final int FEWEST = 1 << 14;

    private final CudaStream stream;
    private final List<Long> addresses = new ArrayList<>(); // also those outgrown: recorded graphs may hold them
    private int count;

    ArrivalCounters(CudaStream stream) {
        this.stream = stream;
    }

    /** The address of at least {@code needed} counters. */
    long address(int needed) {
        if (needed > count) {
            grow(Math.max(FEWEST, Integer.highestOneBit(needed) * 2));
        }
        return addresses.get(addresses.size() - 1);
    }

    private void grow(int newCount) {
        stream.requireNotRecording("reserving counters");
        stream.handle();
        long bytes = (long) Integer.BYTES * newCount;
        DeviceAddress address = new DeviceAddress();
        stream.check(JCudaDriver.cuMemAlloc(address, bytes), "cuMemAlloc of " + newCount + " counters");
        addresses.add(address.value());
        stream.fill(address.value(), (byte) 0, bytes);
        count = newCount;
    }

    @Override
    public void close() {
        stream.handle();
        addresses.forEach(address -> stream.check(JCudaDriver.cuMemFree(DeviceAddress.of(address)), "cuMemFree"));
        addresses.clear();
        count = 0;
    }
}
