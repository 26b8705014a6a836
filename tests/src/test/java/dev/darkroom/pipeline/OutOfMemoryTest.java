package dev.darkroom.pipeline;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.darkroom.cuda.SoftwareCuda;
import dev.darkroom.cuda.SoftwareFaults;
import dev.darkroom.cuda.SoftwareFaults.Call;
import dev.darkroom.device.DeviceUnavailableException;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.MemoryPool;
import dev.darkroom.tensor.OutOfDeviceMemoryException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/**
 * A request whose allocations fail, each once and each for good. With the pool as it is used, a few allocations of the device's serve all tensors;
 * with a pool that takes each tensor from the device, every tensor of a request can be refused.
 */
@Tag("software-cuda")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@DisplayName("Memory that runs out")
class OutOfMemoryTest {
    private static final String MODEL = System.getProperty("darkroom.root") + "/tests/reference/checkpoints/sd1";
    private static final int OUT_OF_MEMORY = 2;

    private SoftwareFaults faults;
    private long empty;
    private Darkroom darkroom;
    private MemoryPool pool;
    private byte[] expected;
    private long live;

    @BeforeAll
    void open() {
        assumeTrue(SoftwareCuda.build(), SoftwareCuda.NEEDS);
        faults = SoftwareFaults.open();
        faults.reset();
        empty = faults.liveBytes();
        darkroom = load();
        darkroom.device().observe((path, tensor) -> {}); // so that steps run directly: those replayed ask for no memory
        pool = darkroom.device().pool();
        expected = picture(darkroom);
        live = pool.statistics().live();
    }

    @BeforeEach
    void forgetFaults() {
        faults.reset();
    }

    @AfterEach
    void nothingIsLost() {
        faults.compute(true);
        pool.setDirect(false);
        assertEquals(live, pool.statistics().live());
    }

    @AfterAll
    void close() {
        faults.reset();
        darkroom.close();
        assertEquals(empty, faults.liveBytes());
    }

    private static Darkroom load() {
        return Darkroom.builder(MODEL).device("cuda").dtype(DType.F16).open();
    }

    private static byte[] picture(Darkroom darkroom) {
        return picture(darkroom, 32);
    }

    private static byte[] picture(Darkroom darkroom, int size) {
        Request request =
                Request.of("a red circle").size(size, size).steps(2).seed(3).build();
        return darkroom.generate(request).picture().rgb();
    }

    /** The n-th allocation fails, and the retry after the cache was given back. */
    private void failForGood(int n) {
        faults.reset();
        faults.fail(Call.ALLOCATION, n, OUT_OF_MEMORY);
        faults.fail(Call.ALLOCATION, n + 1, OUT_OF_MEMORY);
    }

    /** Each of {@code count} allocations fails the first time. */
    private void failEachOnce(int count) {
        faults.reset();
        for (int n = 1; n <= 2 * count; n += 2) {
            faults.fail(Call.ALLOCATION, n, OUT_OF_MEMORY);
        }
    }

    private int allocations(int size) {
        faults.reset();
        picture(darkroom, size);
        return faults.count(Call.ALLOCATION);
    }

    /** The segments of a request of 512 x 512; kernels do not run but for the picture after it. */
    @Test
    void atEachAllocationOfThePoolsIsRetriedOrFailsTheRequest() {
        pool.releaseCache();
        faults.compute(false);
        int count = allocations(512);
        assertTrue(count >= 3, count + " allocations");
        pool.releaseCache();
        failEachOnce(count);
        picture(darkroom, 512);
        assertTrue(faults.count(Call.ALLOCATION) >= 2 * count, "a retry is missing");
        for (int n = 1; n <= count; n++) {
            pool.releaseCache();
            failForGood(n);
            refuses(512);
        }
        faults.reset();
        faults.compute(true);
        assertArrayEquals(expected, picture(darkroom));
    }

    private void refuses(int size) {
        OutOfDeviceMemoryException e = assertThrows(OutOfDeviceMemoryException.class, () -> picture(darkroom, size));
        assertTrue(
                String.valueOf(e.getMessage())
                        .matches("device cuda:0 has no room for .* at request.*: .*most by the scopes .*"),
                e.getMessage());
        assertEquals(live, pool.statistics().live(), "bytes lost");
    }

    @Test
    void atEachTensorIsRetried() {
        pool.setDirect(true);
        long held = faults.liveBytes();
        faults.compute(false);
        int count = allocations(32);
        faults.compute(true);
        assertTrue(count > 1000, count + " tensors");
        failEachOnce(count);
        assertArrayEquals(expected, picture(darkroom));
        assertEquals(2 * count, faults.count(Call.ALLOCATION));
        assertEquals(held, faults.liveBytes());
    }

    /** Of some 1800 tensors the first 30, every 9th and the last 10, about 235; kernels do not run: what matters is who gives back what. */
    @Test
    void atTensorsForGoodFailsTheRequestAndLosesNothing() {
        pool.setDirect(true);
        faults.compute(false);
        long held = faults.liveBytes();
        int count = allocations(32);
        for (int n = 1; n <= count; n += n < 30 || n > count - 10 ? 1 : 9) {
            failForGood(n);
            refuses(32);
            assertEquals(held, faults.liveBytes(), "bytes of the device lost");
        }
        faults.reset();
        faults.compute(true);
        assertArrayEquals(expected, picture(darkroom));
    }

    @Test
    void whileAModelIsLoadedLeavesNothingBehind() {
        long before = faults.liveBytes();
        faults.reset();
        load().close();
        int count = faults.count(Call.ALLOCATION);
        assertTrue(count >= 8, count + " allocations");
        for (int n = 1; n <= count; n++) {
            failForGood(n);
            RuntimeException e = assertThrows(RuntimeException.class, OutOfMemoryTest::load);
            assertTrue(
                    e instanceof DeviceUnavailableException || e instanceof OutOfDeviceMemoryException, () -> "" + e);
            assertTrue(String.valueOf(e.getMessage()).contains("cuda:0 has no room for "), e.getMessage());
            assertEquals(before, faults.liveBytes(), "bytes lost at allocation " + n);
        }
        failForGood(count + 1);
        try (Darkroom again = load()) {
            faults.reset();
            assertArrayEquals(expected, picture(again));
        }
    }
}
