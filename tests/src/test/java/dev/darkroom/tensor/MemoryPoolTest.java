package dev.darkroom.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.darkroom.dry.DryDevice;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

@DisplayName("The memory pool")
class MemoryPoolTest {
    private static final long MIB = 1 << 20;

    private final FakeBacking backing = new FakeBacking(64 * MIB);
    private final Scope root = Scope.open(new DryDevice(DType.F32), "request");
    private final Scope inner = root.child("unet");

    @Test
    void saysWhatDidNotFitWhoHoldsTheRestAndWhatToDo() {
        MemoryPool pool = new MemoryPool("cuda:1", backing, 32 * MIB, false);
        pool.allocate(10 * MIB, inner);
        pool.allocate(4 * MIB, root);
        OutOfDeviceMemoryException e =
                assertThrows(OutOfDeviceMemoryException.class, () -> pool.allocate(20 * MIB, inner));
        assertEquals(20 * MIB, e.requestedBytes());
        assertEquals(
                "device cuda:1 has no room for 21.0 MB at request/unet: 14.7 MB are in use of 33.6 MB, most by the scopes"
                        + " \"request/unet\" 10.5 MB, \"request\" 4.19 MB. Use a smaller size or batch, or a 16-bit type.",
                e.getMessage());
        assertNotNull(pool.allocate(18 * MIB, inner)); // the next smaller request works
    }

    @Test
    void saysSoWhenNothingIsInUse() {
        MemoryPool pool = new MemoryPool("cuda:1", backing, 32 * MIB, false);
        OutOfDeviceMemoryException e =
                assertThrows(OutOfDeviceMemoryException.class, () -> pool.allocate(40 * MIB, root));
        assertEquals(
                "device cuda:1 has no room for 41.9 MB at request: 0 bytes are in use of 33.6 MB."
                        + " Use a smaller size or batch, or a 16-bit type.",
                e.getMessage());
    }

    @Test
    void givesTheCacheBackAndTriesOnceMoreWhenTheDeviceRefuses() {
        MemoryPool pool = new MemoryPool("cuda:1", backing, Long.MAX_VALUE, false);
        pool.free(pool.allocate(40 * MIB, root));
        assertEquals(40 * MIB, pool.statistics().cached());
        assertNotNull(pool.allocate(50 * MIB, root)); // of 64, and 40 are cached
        assertEquals(1, backing.refusals);
        assertEquals(50 * MIB, backing.reservedBytes());
        assertThrows(OutOfDeviceMemoryException.class, () -> pool.allocate(20 * MIB, root));
        assertEquals(3, backing.refusals);
    }

    @Test
    void handsOutFreedMemoryWithoutAskingTheDeviceAgain() {
        MemoryPool pool = new MemoryPool("cuda:1", backing, Long.MAX_VALUE, false);
        for (int i = 0; i < 100; i++) {
            MemoryBlock small = pool.allocate(1000, root);
            MemoryBlock large = pool.allocate(10 * MIB, root);
            pool.free(small);
            pool.free(large);
        }
        assertEquals(2, pool.statistics().reservations());
        assertEquals(200, pool.statistics().allocations());
        assertEquals(12 * MIB, pool.statistics().peakReserved());
    }

    @Test
    void keepsSmallBlocksOutOfTheSegmentsOfLargeOnes() {
        MemoryPool pool = new MemoryPool("cuda:1", backing, Long.MAX_VALUE, false);
        pool.free(pool.allocate(10 * MIB, root));
        pool.allocate(1000, root);
        assertNotNull(pool.allocate(10 * MIB, root));
        assertEquals(12 * MIB, backing.reservedBytes());
    }

    @Test
    void measuresWhatIsLostToRoundingAndGaps() {
        MemoryPool pool = new MemoryPool("cuda:1", backing, Long.MAX_VALUE, false);
        assertEquals(0, pool.statistics().fragmentation());
        pool.allocate(2 * MIB, root);
        assertEquals(0, pool.statistics().fragmentation());
        pool.allocate(MIB, root);
        assertEquals(0.25, pool.statistics().fragmentation());
    }

    @Test
    void poisonsWhatIsFreedIfAskedTo() {
        MemoryPool pool = new MemoryPool("cuda:1", backing, Long.MAX_VALUE, true);
        pool.free(pool.allocate(1000, root));
        assertEquals(1024, backing.poisoned);
    }

    @Test
    void takesEachTensorFromTheDeviceIfAskedTo() {
        MemoryPool pool = new MemoryPool("cuda:1", backing, Long.MAX_VALUE, false);
        MemoryBlock shared = pool.allocate(1000, root);
        pool.setDirect(true);
        MemoryBlock own = pool.allocate(999, root);
        assertEquals(2 * MIB + 999, backing.reservedBytes());
        pool.free(own);
        assertEquals(2 * MIB, backing.reservedBytes());
        pool.free(shared);
        assertEquals(0, backing.reservedBytes());
    }

    @Test
    void refusesToFreeABlockTwice() {
        MemoryPool pool = new MemoryPool("cuda:1", backing, Long.MAX_VALUE, false);
        MemoryBlock block = pool.allocate(1000, root);
        pool.free(block);
        assertThrows(IllegalStateException.class, () -> pool.free(block));
    }

    @Test
    void namesTheScopesOfWhatIsAliveAsItCloses() {
        MemoryPool pool = new MemoryPool("cuda:1", backing, Long.MAX_VALUE, false);
        MemoryBlock block = pool.allocate(3000, inner);
        IllegalStateException e = assertThrows(IllegalStateException.class, pool::close);
        assertEquals(
                "1 tensors (3.07 kB) are still alive as device cuda:1 closes, in the scopes \"request/unet\" 3.07 kB",
                e.getMessage());
        pool.free(block);
        pool.close();
        assertTrue(backing.reserved.isEmpty());
    }
}
