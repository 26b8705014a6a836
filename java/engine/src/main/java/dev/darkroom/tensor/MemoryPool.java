package dev.darkroom.tensor;

import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.NavigableSet;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Caches device memory and hands it out in blocks: best fit over free blocks, split on allocation, merged on release.
 *
 * <p>Small blocks share segments of 2 MiB, so that they do not break up the large ones. A block that is freed may be handed out again at
 * once: devices work in order, so whatever still reads it runs before whatever writes it next. When the device refuses memory,
 * the cache is given back and the reservation tried once more. Not thread-safe.
 */
public final class MemoryPool {
    /** Where the memory comes from: a device's own allocator. */
    public interface Backing {
        /** Reserves {@code bytes} aligned to at least 64 bytes; returns the address, or 0 when there is not enough. */
        long reserve(long bytes);

        /** Gives back what {@link #reserve} returned. */
        void release(long address, long bytes);

        /** Sets {@code bytes} at {@code address} to 0xFF, in order with the device's other work. */
        void poison(long address, long bytes);
    }

    /** Blocks are multiples of this: a cache line pair, and enough alignment for every vector load. */
    private static final long GRANULE = 256;

    private static final long SMALL_BYTES = 1 << 20; // blocks up to this share segments
    private static final long SMALL_SEGMENT_BYTES = 2 << 20;
    private static final long LARGE_GRANULE = 2 << 20; // segments of large blocks are multiples of a huge page

    private static final Comparator<MemoryBlock> BY_SIZE =
            Comparator.comparingLong((MemoryBlock block) -> block.bytes).thenComparingLong(block -> block.address);

    private final String device;
    private final Backing backing;
    private long limit;
    private final boolean poison;
    private final DrivingThread driver;
    private final TreeSet<MemoryBlock> freeSmall = new TreeSet<>(BY_SIZE);
    private final TreeSet<MemoryBlock> freeLarge = new TreeSet<>(BY_SIZE);
    private final Set<MemoryBlock> live = new HashSet<>();
    private final TreeMap<Long, Long> kept = new TreeMap<>(); // bytes by address
    private AllocationPlan.@Nullable Trace trace;
    private AllocationPlan.@Nullable Placement placement;
    private String lastPath = "";
    private long cacheLimit = Long.MAX_VALUE;
    private boolean direct;
    private long liveBytes;
    private long cachedBytes;
    private long peakBytes;
    private long peakReserved;
    private long requestedBytes;
    private long allocations;
    private long reservations;

    /**
     * A pool over {@code backing}.
     *
     * @param device the device's name, for messages
     * @param limit  the most bytes to reserve
     * @param poison whether freed blocks are filled with 0xFF, which reads as NaN, so that a use after release shows
     */
    public MemoryPool(String device, Backing backing, long limit, boolean poison) {
        this.device = device;
        this.backing = backing;
        this.limit = limit;
        this.poison = poison;
        driver = new DrivingThread(device);
    }

    /** The thread that uses the device. */
    DrivingThread driver() {
        return driver;
    }

    /** The most bytes this pool may reserve. */
    public long limit() {
        return limit;
    }

    /** Has no more than {@code bytes} reserved from now on, where the device does not allow less. */
    public void setLimit(long bytes) {
        limit = Math.min(limit, bytes);
    }

    /** Keeps at most {@code bytes} reserved but free; what is over goes back to the device as it becomes free. */
    public void setCacheLimit(long bytes) {
        cacheLimit = bytes;
        trim();
    }

    /**
     * Whether each tensor has an allocation of the device's own, of just its size, that goes back as soon as it is free: slow, but what checks
     * the device's accesses or refuses its memory then sees every tensor.
     */
    public void setDirect(boolean newDirect) {
        direct = newDirect;
        trim();
    }

    /** What the pool holds now. */
    public MemoryStatistics statistics() {
        return new MemoryStatistics(
                liveBytes, cachedBytes, peakBytes, peakReserved, requestedBytes, allocations, reservations);
    }

    /** Lets {@link MemoryStatistics#peak} start again from what is live now. */
    public void resetPeak() {
        peakBytes = liveBytes;
        peakReserved = liveBytes + cachedBytes;
    }

    /** Gives everything that is reserved but free back to the device. */
    public void releaseCache() {
        releaseWhole(freeSmall, 0);
        releaseWhole(freeLarge, 0);
    }

    /** The scopes that hold most, largest first, for messages: {@code "unet" 1.72 GB, …}. */
    public String largestScopes(int count) {
        Map<String, Long> byScope = new HashMap<>();
        for (MemoryBlock block : live) {
            Scope owner = block.owner;
            if (owner != null) {
                byScope.merge(owner.path(), block.bytes, Long::sum);
            }
        }
        return byScope.entrySet().stream()
                .sorted(Map.Entry.<String, Long>comparingByValue().reversed())
                .limit(count)
                .map(entry -> "\"" + entry.getKey() + "\" " + Bytes.format(entry.getValue()))
                .collect(Collectors.joining(", "));
    }

    /**
     * What is thrown when the device has no room.
     *
     * @param what  did not fit, for the message
     * @param bytes its size; 0 where the device does not say
     */
    public OutOfDeviceMemoryException noRoomFor(String what, long bytes) {
        return new OutOfDeviceMemoryException(
                "device " + device + " has no room for " + what + ": " + Bytes.format(liveBytes) + " are in use"
                        + (limit == Long.MAX_VALUE ? "" : " of " + Bytes.format(limit))
                        + (live.isEmpty() ? "" : ", most by the scopes " + largestScopes(4))
                        + ". Use a smaller size or batch, or a 16-bit type.",
                bytes);
    }

    /** Ends the pool. @throws IllegalStateException when blocks are still live; names their scopes */
    public void close() {
        releaseCache();
        if (!live.isEmpty()) {
            throw new IllegalStateException(live.size() + " tensors (" + Bytes.format(liveBytes)
                    + ") are still alive as device " + device + " closes, in the scopes " + largestScopes(8));
        }
    }

    /** Watches what is allocated and released from now until {@link #endTrace}. */
    public void beginTrace() {
        trace = new AllocationPlan.Trace();
    }

    /** Where what was watched could lie. */
    public AllocationPlan endTrace() {
        AllocationPlan plan =
                Objects.requireNonNull(trace, "nothing is watched").plan();
        trace = null;
        return plan;
    }

    /** From now until {@link #endPlacement} every block comes from the memory at {@code address}, where {@code plan} has it; the device is not asked for any. */
    public void beginPlacement(AllocationPlan plan, long address) {
        placement = plan.new Placement(address);
    }

    public void endPlacement() {
        placement = null;
    }

    /** The scope for which {@link #beginPlacement} placed a block last: where the work that is being recorded has come to. */
    public String lastPath() {
        return lastPath;
    }

    /** Prefers other memory to these ranges, bytes by address, for as long as there is some, since they will be claimed again. */
    public void keep(Map<Long, Long> ranges) {
        kept.clear();
        kept.putAll(ranges);
    }

    MemoryBlock allocate(long bytes, Scope scope) {
        long size = direct ? Math.max(1, bytes) : Math.max(GRANULE, roundUp(bytes, GRANULE));
        if (placement != null) {
            lastPath = scope.path();
            MemoryBlock placed = new MemoryBlock(0, 0, false, placement.place(size, scope), size);
            placement.made(placed);
            return placed;
        }
        boolean small = size <= SMALL_BYTES;
        NavigableSet<MemoryBlock> free = small ? freeSmall : freeLarge;
        MemoryBlock cached = direct ? null : takeBestFit(free, size);
        MemoryBlock block = cached != null ? cached : reserve(size, small, scope);
        handOut(block, size, bytes, scope);
        if (cached == null) {
            trim(); // what is left of a new segment adds to what is cached
        }
        return block;
    }

    /** Hands out these bytes and no others; null when some of them are in use or not reserved. */
    @Nullable
    MemoryBlock claim(long address, long bytes, Scope scope) {
        long size = Math.max(GRANULE, roundUp(bytes, GRANULE));
        NavigableSet<MemoryBlock> free = size <= SMALL_BYTES ? freeSmall : freeLarge;
        MemoryBlock holder = free.stream()
                .filter(each -> each.address <= address && address + size <= each.address + each.bytes)
                .findFirst()
                .orElse(null);
        if (holder == null) {
            return null;
        }
        free.remove(holder);
        MemoryBlock block = holder;
        if (holder.address < address) {
            split(holder, address - holder.address, free);
            free.add(holder);
            block = Objects.requireNonNull(holder.next);
            free.remove(block);
        }
        handOut(block, size, bytes, scope);
        return block;
    }

    private void handOut(MemoryBlock block, long size, long bytes, Scope scope) {
        split(block, size, block.small ? freeSmall : freeLarge);
        block.owner = scope;
        block.requested = bytes;
        live.add(block);
        liveBytes += block.bytes;
        cachedBytes -= block.bytes;
        requestedBytes += bytes;
        allocations++;
        peakBytes = Math.max(peakBytes, liveBytes);
        if (trace != null) {
            trace.made(block, block.bytes);
        }
    }

    void free(MemoryBlock block) {
        if (block.isPlanned()) {
            if (placement != null) {
                placement.released(block);
                if (poison) {
                    backing.poison(block.address, block.bytes);
                }
            }
            return;
        }
        if (!live.remove(block)) {
            throw new IllegalStateException("a block of device memory was freed twice");
        }
        if (trace != null) {
            trace.released(block);
        }
        long freedBytes = block.bytes;
        block.owner = null;
        liveBytes -= block.bytes;
        cachedBytes += block.bytes;
        requestedBytes -= block.requested;
        NavigableSet<MemoryBlock> free = block.small ? freeSmall : freeLarge;
        MemoryBlock merged = mergeNext(block, free);
        MemoryBlock previous = merged.previous;
        if (previous != null && previous.isFree()) {
            free.remove(previous);
            merged = mergeNext(previous, free);
        }
        free.add(merged);
        if (poison) {
            backing.poison(block.address, freedBytes);
        }
        trim();
    }

    private @Nullable MemoryBlock takeBestFit(NavigableSet<MemoryBlock> free, long size) {
        MemoryBlock best = free.ceiling(new MemoryBlock(0, 0, false, 0, size));
        if (best == null) {
            return null;
        }
        MemoryBlock fitting = best;
        best = kept.isEmpty()
                ? fitting
                : free.tailSet(fitting, true).stream()
                        .filter(block -> !holdsKept(block))
                        .findFirst()
                        .orElse(fitting);
        free.remove(best);
        return best;
    }

    private boolean holdsKept(MemoryBlock block) {
        Map.Entry<Long, Long> last = kept.lowerEntry(block.address + block.bytes);
        return last != null && last.getKey() + last.getValue() > block.address;
    }

    private MemoryBlock reserve(long size, boolean small, Scope scope) {
        long segmentBytes = direct ? size : small ? SMALL_SEGMENT_BYTES : roundUp(size, LARGE_GRANULE);
        long address = tryReserve(segmentBytes);
        if (address == 0) {
            releaseCache();
            address = tryReserve(segmentBytes);
        }
        if (address == 0) {
            throw noRoomFor(Bytes.format(size) + " at " + scope.path(), size);
        }
        reservations++;
        cachedBytes += segmentBytes;
        peakReserved = Math.max(peakReserved, liveBytes + cachedBytes);
        return new MemoryBlock(address, segmentBytes, small, address, segmentBytes);
    }

    private long tryReserve(long segmentBytes) {
        return liveBytes + cachedBytes + segmentBytes > limit ? 0 : backing.reserve(segmentBytes);
    }

    private void split(MemoryBlock block, long size, NavigableSet<MemoryBlock> free) {
        if (block.bytes - size < GRANULE) {
            return;
        }
        MemoryBlock rest = new MemoryBlock(
                block.segment, block.segmentBytes, block.small, block.address + size, block.bytes - size);
        rest.previous = block;
        rest.next = block.next;
        if (rest.next != null) {
            rest.next.previous = rest;
        }
        block.next = rest;
        block.bytes = size;
        free.add(rest);
    }

    private MemoryBlock mergeNext(MemoryBlock block, NavigableSet<MemoryBlock> free) {
        MemoryBlock next = block.next;
        if (next != null && next.isFree()) {
            free.remove(next);
            block.bytes += next.bytes;
            block.next = next.next;
            if (block.next != null) {
                block.next.previous = block;
            }
        }
        return block;
    }

    private void trim() {
        long keepBytes = direct ? 0 : cacheLimit;
        if (cachedBytes > keepBytes) {
            releaseWhole(freeLarge, keepBytes);
            releaseWhole(freeSmall, keepBytes);
        }
    }

    private void releaseWhole(NavigableSet<MemoryBlock> free, long keepBytes) {
        for (MemoryBlock block : List.copyOf(free)) {
            if (block.isWholeSegment() && cachedBytes > keepBytes) {
                backing.release(block.segment, block.segmentBytes);
                free.remove(block);
                cachedBytes -= block.bytes;
            }
        }
    }

    private static long roundUp(long bytes, long multiple) {
        return (bytes + multiple - 1) / multiple * multiple;
    }
}
