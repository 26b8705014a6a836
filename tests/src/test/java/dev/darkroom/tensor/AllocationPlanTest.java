package dev.darkroom.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.darkroom.dry.DryDevice;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Objects;
import java.util.Random;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

@DisplayName("Planned and claimed memory")
class AllocationPlanTest {
    private static final long GRANULE = 256;
    private static final long BASE = 1L << 40; // no address of the pool's

    private final DryDevice device = new DryDevice(DType.F32);
    private final MemoryPool pool = device.pool();
    private final Scope scope = Scope.open(device, "test");

    @AfterEach
    void nothingIsLeftAlive() {
        scope.close();
        assertEquals(0, pool.statistics().live());
        device.close();
    }

    /** Makes and releases blocks of random sizes; {@code placed} sees those that live, by address, after each change. */
    private void run(long seed, Consumer<NavigableMap<Long, Long>> placed) {
        Random random = new Random(seed);
        List<MemoryBlock> blocks = new ArrayList<>();
        List<Long> sizes = new ArrayList<>();
        for (int i = 0; i < 400; i++) {
            if (blocks.isEmpty() || random.nextInt(5) < 3) {
                long size = 1 + random.nextInt(random.nextBoolean() ? 1000 : 3 << 20);
                blocks.add(pool.allocate(size, scope));
                sizes.add((size + GRANULE - 1) / GRANULE * GRANULE);
            } else {
                int which = random.nextInt(blocks.size());
                pool.free(blocks.remove(which));
                sizes.remove(which);
            }
            TreeMap<Long, Long> live = new TreeMap<>();
            for (int k = 0; k < blocks.size(); k++) {
                assertNull(live.put(blocks.get(k).address(), sizes.get(k)));
            }
            placed.accept(live);
        }
        blocks.forEach(pool::free);
    }

    @Test
    void noTwoLivingBlocksOverlapAndHardlyMoreIsTakenThanLives() {
        for (long seed = 1; seed <= 20; seed++) {
            long[] most = new long[1];
            pool.beginTrace();
            run(
                    seed,
                    live -> most[0] = Math.max(
                            most[0],
                            live.values().stream().mapToLong(size -> size).sum()));
            AllocationPlan plan = pool.endTrace();
            assertTrue(plan.bytes() >= most[0] && plan.bytes() <= 1.1 * most[0], plan.bytes() + " for " + most[0]);
            pool.beginPlacement(plan, BASE);
            run(seed, live -> {
                long end = BASE;
                for (var block : live.entrySet()) {
                    assertTrue(block.getKey() >= end, "blocks overlap");
                    end = block.getKey() + block.getValue();
                }
                assertTrue(end <= BASE + plan.bytes());
            });
            pool.endPlacement();
        }
    }

    @Test
    void anotherOrderOfReleasesIsNoticed() {
        pool.beginTrace();
        MemoryBlock a = pool.allocate(1000, scope);
        pool.free(a);
        pool.free(pool.allocate(1000, scope));
        AllocationPlan plan = pool.endTrace();
        assertEquals(1024, plan.bytes());
        pool.beginPlacement(plan, BASE);
        MemoryBlock kept = pool.allocate(1000, scope);
        assertThrows(AllocationPlan.DepartureException.class, () -> pool.allocate(1000, scope));
        pool.free(kept);
        pool.endPlacement();
    }

    @Test
    void aRangeIsClaimedWhenAllOfItIsFree() {
        Tensor large = scope.allocate(Shape.of(8 << 20), DType.U8);
        long address = large.address();
        try (Scope request = scope.child("first")) {
            request.moveOut(request.allocate(Shape.of(1), DType.U8), request);
            assertNull(request.claim(address, Shape.of(1 << 20), DType.U8), "it is in use");
        }
        long inside;
        try (Scope request = Scope.open(device, "second")) {
            inside = request.allocate(Shape.of(20 << 20), DType.U8).address();
        }
        try (Scope third = Scope.open(device, "third")) {
            Tensor middle = Objects.requireNonNull(third.claim(inside + (4 << 20), Shape.of(8 << 20), DType.U8));
            assertEquals(inside + (4 << 20), middle.address());
            assertNull(third.claim(inside + (10 << 20), Shape.of(8 << 20), DType.U8), "a part is in use");
            Tensor front = Objects.requireNonNull(third.claim(inside, Shape.of(4 << 20), DType.U8));
            Tensor back = Objects.requireNonNull(third.claim(inside + (12 << 20), Shape.of(8 << 20), DType.U8));
            assertEquals(inside, front.address());
            assertEquals(inside + (12 << 20), back.address());
        }
        pool.releaseCache(); // every piece was merged again, else not all would go back
        assertEquals(0, pool.statistics().cached());
    }

    @Test
    void memoryThatIsKeptIsTakenLast() {
        long kept;
        try (Scope request = Scope.open(device, "first")) {
            kept = request.allocate(Shape.of(4 << 20), DType.U8).address();
            request.allocate(Shape.of(6 << 20), DType.U8);
        }
        pool.keep(Map.of(kept, 4L << 20));
        try (Scope request = Scope.open(device, "second")) {
            assertNotEquals(kept, request.allocate(Shape.of(4 << 20), DType.U8).address());
            assertEquals(kept, request.allocate(Shape.of(4 << 20), DType.U8).address());
        }
        pool.keep(Map.of());
        try (Scope request = Scope.open(device, "third")) {
            assertEquals(kept, request.allocate(Shape.of(4 << 20), DType.U8).address());
        }
    }
}
