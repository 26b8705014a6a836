package dev.darkroom.tensor;

import org.jspecify.annotations.Nullable;

/** A piece of a segment, free or handed out. */
final class MemoryBlock {
    final long segment;
    final long segmentBytes;
    final boolean small;
    final long address;
    long bytes;
    long requested;

    @Nullable
    MemoryBlock previous;

    @Nullable
    MemoryBlock next;

    @Nullable
    Scope owner;

    MemoryBlock(long segment, long segmentBytes, boolean small, long address, long bytes) {
        this.segment = segment;
        this.segmentBytes = segmentBytes;
        this.small = small;
        this.address = address;
        this.bytes = bytes;
    }

    long address() {
        return address;
    }

    void moveTo(Scope scope) {
        owner = scope;
    }

    boolean isFree() {
        return owner == null;
    }

    /** Whether it is part of an {@link AllocationPlan}'s memory, which is a block of its own. */
    boolean isPlanned() {
        return segmentBytes == 0;
    }

    boolean isWholeSegment() {
        return bytes == segmentBytes;
    }
}
