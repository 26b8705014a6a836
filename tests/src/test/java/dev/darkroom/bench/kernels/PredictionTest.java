package dev.darkroom.bench.kernels;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.darkroom.bench.kernels.ShapeList.Known;
import dev.darkroom.cuda.KernelPlan.Launch;
import dev.darkroom.cuda.KernelVariant;
import dev.darkroom.prebuild.KernelResources;
import dev.darkroom.prebuild.KernelResources.Usage;
import dev.darkroom.tensor.DType;
import java.util.List;
import java.util.Objects;
import java.util.TreeMap;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

@DisplayName("The prediction of a kernel's time")
class PredictionTest {
    private static final KernelVariant VARIANT = new KernelVariant("attention.cu", List.of("T=f16", "KEYS=64"));

    private static Launch launch(int blocks, int threads, int sharedBytes) {
        return new Launch(VARIANT, "attention", blocks, 1, 1, threads, sharedBytes);
    }

    /** Worked out with NVIDIA's occupancy calculator's rules by hand. */
    @Test
    void countsTheBlocksThatAMultiprocessorHolds() {
        // 124 registers: 3968 a warp, in units of 256: 4096; 16 warps, four blocks of four.
        Occupancy attention = Occupancy.of(Gpu.H200, launch(1024, 128, 35840), new Usage(124, 0, 0, 0));
        assertEquals(4, attention.blocks());
        assertEquals("registers", attention.limit());
        assertEquals(16 / 64.0, attention.warps());
        assertEquals(1024 / (4.0 * 132), attention.waves());
        assertEquals(1024 / (8.0 * 132), attention.balance(), 1e-12);
        // 48 KB and the system's 1 KB: four in 228 KB, three in 164, two in 100.
        Usage light = new Usage(32, 49152, 0, 0);
        assertEquals(4, Occupancy.of(Gpu.H200, launch(1, 128, 0), light).blocks());
        assertEquals(3, Occupancy.of(Gpu.A100, launch(1, 128, 0), light).blocks());
        assertEquals(2, Occupancy.of(Gpu.RTX_4090, launch(1, 128, 0), light).blocks());
        assertEquals(
                "shared memory",
                Occupancy.of(Gpu.A100, launch(1, 128, 0), light).limit());
        // 2048 threads are 64 warps; 1536 are 48.
        assertEquals(
                8,
                Occupancy.of(Gpu.H200, launch(1, 256, 0), new Usage(32, 0, 0, 0))
                        .blocks());
        assertEquals(
                6,
                Occupancy.of(Gpu.RTX_4090, launch(1, 256, 0), new Usage(40, 0, 0, 0))
                        .blocks());
        // 40 registers: 1280 a warp, 51 warps, of which 48 in fours: six blocks of eight.
        assertEquals(
                6,
                Occupancy.of(Gpu.H200, launch(1, 256, 0), new Usage(40, 0, 0, 0))
                        .blocks());
    }

    @Test
    void isNeverUnderItsFloorWhereAllArithmeticIsDone() {
        ShapeList list = new ShapeList(DType.F16);
        list.add(Known.SD15, 2);
        KernelResources nothing = new KernelResources("", new TreeMap<>());
        try (Predictor predictor = new Predictor(Gpu.H200, nothing)) {
            int seen = 0;
            for (ShapeList.Row row : list.rows()) {
                Prediction prediction = predictor.predict(row.call());
                if (prediction != null && !row.call().operation().equals("upsampleConv2d")) {
                    seen++;
                    assertTrue(prediction.share() < 0.95, row.call().id() + ": " + prediction.share());
                    assertTrue(prediction.microseconds() >= 2, row.call().id());
                }
            }
            assertTrue(seen > 100, seen + " predictions");
        }
    }

    /** 42.9 GFLOP of whole tiles, 48 of 40 channels wide, and 268 million exponentials. */
    @Test
    void ofAttentionAddsProductsAndExponentials() {
        ShapeList list = new ShapeList(DType.F16);
        list.add(Known.SD15, 2);
        OpCall call = list.rows().stream()
                .map(ShapeList.Row::call)
                .filter(each -> each.id().startsWith("attention f16[2,4096,320] f16[2,4096,320]"))
                .findFirst()
                .orElseThrow();
        try (Predictor predictor = new Predictor(Gpu.H200, new KernelResources("", new TreeMap<>()))) {
            Prediction prediction = Objects.requireNonNull(predictor.predict(call));
            double pairs = 2.0 * 8 * 4096 * 4096;
            double seconds = 4 * pairs * 48 / 622e12 + pairs / (1.98e9 * 16 * 132);
            double balance = 1024 / (8.0 * 132);
            assertEquals(1e6 * seconds / balance / 0.85 + 2, prediction.microseconds(), 0.01);
            assertEquals(1e6 * call.flops() / 790e12, prediction.floor(), 1e-6);
        }
    }
}
