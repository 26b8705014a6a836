package dev.darkroom.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.darkroom.dry.DryDevice;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/**
 * 200,000 random operations on a pool, each compared with a model that knows nothing of segments, splitting and merging; the device refuses
 * memory, and to take it back, at random.
 */
@DisplayName("The memory pool against a model")
class MemoryPoolModelTest {
    private static final long CAPACITY = 256L << 20;
    private static final long LIMIT = 200L << 20;
    private static final long LARGEST = 40L << 20;

    private final Random random = new Random(20);
    private final FakeBacking backing = new FakeBacking(CAPACITY);
    private final MemoryPool pool = new MemoryPool("test", backing, LIMIT, true);
    private final Scope scope = Scope.open(new DryDevice(DType.F32), "model");

    // The model: blocks by address, and what was asked for.
    private final TreeMap<Long, Long> live = new TreeMap<>();
    private final List<MemoryBlock> blocks = new ArrayList<>();
    private final Map<MemoryBlock, Long> requested = new HashMap<>();
    private long liveBytes;
    private long requestedBytes;
    private long peak;
    private long peakReserved;
    private long allocations;
    private long freedBytes;
    private long cacheLimit = Long.MAX_VALUE;
    private boolean direct;
    private int refused;
    private int refusedByDevice;
    private int retried;
    private int failedReleases;

    @Test
    void holdsOverManyRandomOperations() {
        for (int i = 0; i < 200_000; i++) {
            step();
            MemoryStatistics statistics = pool.statistics();
            assertEquals(liveBytes, statistics.live());
            peakReserved = Math.max(peakReserved, backing.reservedBytes());
            assertEquals(backing.reservedBytes(), statistics.live() + statistics.cached());
            assertTrue(backing.reservedBytes() <= LIMIT);
        }
        assertTrue(refused > 100 && backing.refusals == 0, refused + " refused"); // the limit was met many times
        assertTrue(
                refusedByDevice > 30 && retried > 30,
                refusedByDevice + " refused by the device, " + retried + " retried");
        assertTrue(failedReleases > 10, failedReleases + " releases failed");
        freeAll();
        assertEquals(backing.reservedBytes(), pool.statistics().cached());
        pool.releaseCache();
        assertEquals(0, backing.reservedBytes()); // only whole segments go back: every block was merged again
        pool.close();
    }

    private void step() {
        double kind = random.nextDouble();
        if (kind < 0.5) {
            allocate();
        } else if (kind < 0.996 && !blocks.isEmpty()) {
            free(random.nextInt(blocks.size()));
        } else if (kind < 0.997) {
            pool.releaseCache();
        } else if (kind < 0.9985) {
            cacheLimit = random.nextBoolean() ? Long.MAX_VALUE : random.nextLong(LIMIT);
            pool.setCacheLimit(cacheLimit);
            if (direct) {
                freeAll(); // blocks of odd sizes
            }
            direct = random.nextInt(4) == 0;
            pool.setDirect(direct);
        } else if (kind < 0.999) {
            freeAll();
        } else {
            pool.resetPeak();
            peak = liveBytes;
            peakReserved = backing.reservedBytes();
        }
        MemoryStatistics statistics = pool.statistics();
        assertEquals(peak, statistics.peak());
        assertEquals(allocations, statistics.allocations());
        assertEquals(requestedBytes, statistics.requested());
        assertEquals(freedBytes, backing.poisoned);
        assertTrue(
                statistics.cached() <= (direct ? 0 : cacheLimit) || !hasFreeSegment(),
                "more is cached than the limit allows");
    }

    private boolean hasFreeSegment() {
        return backing.reserved.entrySet().stream()
                .anyMatch(segment -> live.subMap(segment.getKey(), segment.getKey() + segment.getValue())
                        .isEmpty());
    }

    private void allocate() {
        // From one byte to tens of megabytes, each order of magnitude as often.
        long bytes = 1 + (long) Math.exp(random.nextDouble() * Math.log(LARGEST));
        MemoryBlock block;
        int planned = random.nextInt(20) == 0 ? 1 + random.nextInt(2) : 0;
        backing.refuseNext = planned;
        try {
            block = pool.allocate(bytes, scope);
            retried += planned == 1 && backing.refuseNext == 0 ? 1 : 0;
            backing.refuseNext = 0;
        } catch (OutOfDeviceMemoryException e) {
            assertTrue(e.requestedBytes() >= bytes && e.requestedBytes() < bytes + 256);
            assertTrue(!hasFreeSegment(), "refused although something could have been given back");
            if (backing.refuseNext < planned) { // by the device, at the first try or the second
                backing.refuseNext = 0;
                refusedByDevice++;
                return;
            }
            backing.refuseNext = 0;
            refused++;
            assertTrue(
                    backing.reservedBytes() + Math.max(bytes, 2 << 20) > LIMIT - (2 << 20), "refused with room left");
            return;
        }
        long address = block.address();
        long size = direct ? bytes : (bytes + 255) / 256 * 256;
        assertEquals(0, address % 256);
        assertTrue(backing.holds(address, size), "a block outside what was reserved");
        Map.Entry<Long, Long> before = live.floorEntry(address + size - 1);
        assertTrue(before == null || before.getKey() + before.getValue() <= address, "a block over a live one");
        live.put(address, size);
        blocks.add(block);
        requested.put(block, bytes);
        requestedBytes += bytes;
        liveBytes += size;
        allocations++;
        peak = Math.max(peak, liveBytes);
    }

    private void free(int index) {
        MemoryBlock block = blocks.get(index);
        blocks.set(index, blocks.get(blocks.size() - 1));
        blocks.remove(blocks.size() - 1);
        requestedBytes -= Objects.requireNonNull(requested.remove(block));
        long size = Objects.requireNonNull(live.remove(block.address()));
        liveBytes -= size;
        freedBytes += size;
        backing.failNextRelease = random.nextInt(50) == 0;
        try {
            pool.free(block);
        } catch (DeviceException e) {
            failedReleases++;
            pool.setCacheLimit(cacheLimit); // gives back what was not taken
        }
        backing.failNextRelease = false;
    }

    private void freeAll() {
        while (!blocks.isEmpty()) {
            free(random.nextInt(blocks.size()));
        }
        assertEquals(0, pool.statistics().requested());
    }
}
