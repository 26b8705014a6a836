package dev.darkroom.cuda;

/**
 * Counters in device memory by which the blocks of a launch find out which of them comes last ({@code isLastBlock} of
 * {@code kernels/elements.cuh}).
 *
 * <p>They are 0 between launches: the last block to arrive sets its counter back. So that one set serves all kernels of a stream.
 */
final class ArrivalCounters implements AutoCloseable {
    private static final int FEWEST = 1 << 14;

    private final CudaStream stream;
    private final DriverResources memory; // also that of sets outgrown: recorded graphs may hold them
    private long address;
    private int count;

    ArrivalCounters(CudaStream stream) {
        this.stream = stream;
        memory = new DriverResources(stream);
    }

    /** The address of at least {@code needed} counters. */
    long address(int needed) {
        if (needed > count) {
            grow(Math.max(FEWEST, Integer.highestOneBit(needed) * 2));
        }
        return address;
    }

    private void grow(int newCount) {
        stream.requireNotRecording("reserving counters");
        long bytes = (long) Integer.BYTES * newCount;
        DeviceAddress counters = new DeviceAddress();
        memory.memory(counters, bytes);
        stream.fill(counters.value(), (byte) 0, bytes);
        address = counters.value();
        count = newCount;
    }

    @Override
    public void close() {
        memory.close();
    }
}
