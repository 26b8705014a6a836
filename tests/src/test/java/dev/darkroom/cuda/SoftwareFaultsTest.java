package dev.darkroom.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Faults can be planned from Java; the faults themselves are tested in tests/softcuda/selftest. */
@Tag("software-cuda")
class SoftwareFaultsTest {

    @Test
    void faultsArePlannedAndForgotten() {
        assumeTrue(SoftwareCuda.build(), SoftwareCuda.NEEDS);
        SoftwareFaults faults = SoftwareFaults.open();
        faults.fail(SoftwareFaults.Call.ALLOCATION, 1, 2);
        assertThrows(IllegalArgumentException.class, () -> faults.fail(SoftwareFaults.Call.COPY, 0, 2));
        faults.reset();
        assertEquals(0, faults.count(SoftwareFaults.Call.ALLOCATION));
        assertEquals("", faults.message());
    }
}
