package dev.darkroom.tensor;

import java.util.TreeMap;

/** Memory that does not exist, of a given size; fails the test on whatever a real allocator would break at. */
final class FakeBacking implements MemoryPool.Backing {
    final TreeMap<Long, Long> reserved = new TreeMap<>();
    long capacity;
    long poisoned;
    int refusals;
    int refuseNext; // of the reservations to come
    boolean failNextRelease;
    private long next = 1 << 20;

    FakeBacking(long capacity) {
        this.capacity = capacity;
    }

    long reservedBytes() {
        return reserved.values().stream().mapToLong(Long::longValue).sum();
    }

    @Override
    public long reserve(long bytes) {
        if (refuseNext > 0) {
            refuseNext--;
            return 0;
        }
        if (reservedBytes() + bytes > capacity) {
            refusals++;
            return 0;
        }
        long address = next;
        next += (bytes + 255) / 256 * 256 + 4096; // a gap, so that segments are never neighbours
        reserved.put(address, bytes);
        return address;
    }

    @Override
    public void release(long address, long bytes) {
        if (failNextRelease) {
            failNextRelease = false;
            throw new DeviceException("will not take it back");
        }
        Long size = reserved.remove(address);
        if (size == null || size != bytes) {
            throw new AssertionError("released " + bytes + " bytes at " + address + ", reserved were " + size);
        }
    }

    @Override
    public void poison(long address, long bytes) {
        poisoned += bytes;
    }

    /** Whether the range lies in one reserved segment. */
    boolean holds(long address, long bytes) {
        var segment = reserved.floorEntry(address);
        return segment != null && address + bytes <= segment.getKey() + segment.getValue();
    }
}
