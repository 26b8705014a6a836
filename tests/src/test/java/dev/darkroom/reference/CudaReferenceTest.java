package dev.darkroom.reference;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.darkroom.cuda.SoftwareCuda;
import dev.darkroom.device.Devices;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Device;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The networks on the cuda device against the reference tensors. */
@Tag("software-cuda")
@DisplayName("The reference tensors on the cuda device")
class CudaReferenceTest {
    private static final Path SET = Path.of(System.getProperty("darkroom.root"), "tests", "reference");

    @BeforeAll
    static void buildTheDevice() {
        assumeTrue(SoftwareCuda.build(), SoftwareCuda.NEEDS);
    }

    @ParameterizedTest
    @EnumSource(
            value = DType.class,
            names = {"F32", "F16"})
    void ofNetworksAgree(DType dtype) {
        verify(List.of("text", "unet", "vae"), dtype, 15);
    }

    /** In f32, CudaPictureTest holds a whole picture against the CPU device's. */
    @Test
    void ofPipelinesAgree() {
        verify(List.of("pipelines"), DType.F16, 10);
    }

    @ParameterizedTest
    @EnumSource(
            value = DType.class,
            names = {"F32", "F16", "BF16"})
    void ofBothHalvesOfClipAgree(DType dtype) {
        verify(List.of("clip"), dtype, 10);
    }

    private static void verify(List<String> groups, DType dtype, int fewest) {
        List<CaseResult> results = new ArrayList<>();
        try (Device device = Devices.open("cuda", 0)) {
            new Verifier(SET).run(groups, device, dtype, results::add);
            assertEquals(0, device.pool().statistics().live());
        }
        List<CaseResult> failed = results.stream()
                .filter(each -> each.status() == CaseResult.Status.FAIL)
                .toList();
        assertEquals(List.of(), failed);
        long passed = results.stream()
                .filter(each -> each.status() == CaseResult.Status.PASS)
                .count();
        assertTrue(passed >= fewest, "only " + passed + " cases were compared");
    }
}
