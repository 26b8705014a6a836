package dev.darkroom.prebuild;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.darkroom.cuda.GpuArchitecture;
import dev.darkroom.cuda.KernelVariant;
import dev.darkroom.cuda.OfflineCompiler;
import dev.darkroom.prebuild.KernelResources.Usage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@DisplayName("The record of what kernels take of a multiprocessor")
class KernelResourcesTest {
    private static final Path ROOT = Path.of(System.getProperty("darkroom.root"));
    private static final Path RECORD = ROOT.resolve("bench/records/resources.json");
    private static final String COMMAND = "mvn -q -Pcubins -pl java/engine compile exec:java@resources";
    private static final KernelVariant VARIANT = new KernelVariant("gemm.cu", List.of("T=f16"));
    private static final String REPORT = """
            ptxas info    : 64 bytes gmem
            ptxas info    : Compiling entry function 'geglu' for 'sm_90a'
            ptxas info    : Function properties for geglu
            ptxas         .     16 bytes stack frame, 12 bytes spill stores, 8 bytes spill loads
            ptxas info    : Used 128 registers, used 1 barriers, 49152 bytes smem, 428 bytes cmem[0]
            ptxas info    : Compile time = 581.109 ms
            ptxas info    : Compiling entry function 'linear' for 'sm_90a'
            ptxas info    : Function properties for linear
                0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
            ptxas info    : Used 26 registers, used 0 barriers
            """;

    @TempDir
    private Path folder = Path.of("");

    /** On these GPUs the kernels that take most of the time keep everything in registers. */
    @Test
    void showsNoSpillsInAttentionMatrixProductsAndConvolutions() throws IOException {
        KernelResources record = KernelResources.read(RECORD);
        int seen = 0;
        List<String> spills = new ArrayList<>();
        for (KernelResources.Entry entry : record.entries().values()) {
            if (Set.of("attention.cu", "attention_wide.cu", "gemm.cu", "convolution.cu")
                    .contains(entry.variant().file())) {
                for (Map<String, Usage> function : entry.functions().values()) {
                    for (String architecture : List.of("sm_80", "sm_90a")) {
                        Usage usage = function.get(architecture);
                        if (usage != null) {
                            seen++;
                            if (usage.spills()) {
                                spills.add(entry.variant() + " on " + architecture + ": " + usage);
                            }
                        }
                    }
                }
            }
        }
        assertTrue(seen > 100, "only " + seen + " functions are recorded");
        assertEquals(List.of(), spills);
    }

    /** Hopper's and Ampere's stand for all: what is compiled for them is compiled for every architecture. */
    @Test
    void isOfTheKernelsAsTheyAre() throws IOException {
        KernelResources record = KernelResources.read(RECORD);
        PublishedModels models =
                new PublishedModels(List.of(ROOT.resolve("models/demo").toString()));
        List<String> stale = new ArrayList<>();
        for (int capability : new int[] {75, 80, 90}) {
            GpuArchitecture architecture = GpuArchitecture.of(capability);
            for (KernelVariant variant : ResourceRecorder.recorded(architecture, models)) {
                String key = OfflineCompiler.sourceKey(variant);
                if (record.usages(variant, key, architecture.toString()).isEmpty()) {
                    stale.add(variant + " for " + architecture);
                }
            }
        }
        assertEquals(List.of(), stale, () -> "kernels were changed; bring " + RECORD + " up to date: " + COMMAND);
    }

    @Test
    void isReadFromTheReportOfPtxas() {
        Map<String, Usage> usages = KernelResources.parse(REPORT);
        assertEquals(Map.of("geglu", new Usage(128, 49152, 12, 8), "linear", new Usage(26, 0, 0, 0)), usages);
        assertTrue(new Usage(128, 49152, 12, 8).spills());
        assertThrows(IllegalArgumentException.class, () -> KernelResources.parse("ptxas fatal: out of registers"));
    }

    @Test
    void isWrittenAndReadAgain() throws IOException {
        KernelResources written = record(new Usage(128, 49152, 0, 4));
        Path file = folder.resolve("records/resources.json");
        written.write(file);
        assertEquals(written, KernelResources.read(file));
        assertEquals(
                1,
                Files.readAllLines(file).stream()
                        .filter(line -> line.contains("gemm.cu"))
                        .count());
        assertFalse(written.usages(VARIANT, "key", "sm_80").isEmpty());
        assertTrue(written.usages(VARIANT, "another key", "sm_80").isEmpty(), "of another source");
        assertTrue(written.usages(VARIANT, "key", "sm_90a").isEmpty());
    }

    @Test
    void tellsASpillThatWasNotThereBefore() {
        KernelResources none = record(new Usage(128, 0, 0, 0));
        KernelResources some = record(new Usage(128, 0, 8, 8));
        KernelResources more = record(new Usage(128, 0, 8, 12));
        assertEquals(List.of(), some.newSpills(some));
        assertEquals(List.of(), none.newSpills(more));
        assertEquals(
                List.of("linear of gemm.cu T=f16 on sm_80: 8 bytes stored, 12 bytes loaded"), more.newSpills(some));
        assertEquals(1, some.newSpills(none).size());
        assertEquals(1, some.newSpills(KernelResources.empty("NVRTC")).size(), "a new variant may not spill either");
    }

    private static KernelResources record(Usage usage) {
        KernelResources record = new KernelResources("NVRTC 12.9", new TreeMap<>());
        record.add(VARIANT, "key", "sm_80", Map.of("linear", usage));
        return record;
    }
}
