package dev.darkroom.bench.kernels;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.darkroom.bench.records.BenchRecord;
import dev.darkroom.bench.records.Unit;
import dev.darkroom.cuda.SoftwareCuda;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@DisplayName("The bench of kernels")
class KernelBenchTest {
    private static final ObjectMapper MAPPER = new ObjectMapper();

    @TempDir
    private Path folder = Path.of("");

    @Test
    @Tag("software-cuda")
    void timesOurKernelsAndLibrariesBesideCeilings() throws IOException {
        assumeTrue(SoftwareCuda.build(), SoftwareCuda.NEEDS);
        Path out = folder.resolve("new/out.json");
        String ops = "layerNormLinear,groupNormSilu,embedding,conv2d";
        assertEquals(0, KernelBench.run("--device", "cuda", "--out", out.toString(), "--short", "--ops", ops));
        JsonNode root = MAPPER.readTree(out.toFile());
        assertEquals("whole", root.path("ended").asText());
        assertTrue(root.at("/ceilings/copy/gbs").asDouble() > 0
                && root.at("/ceilings/product/tflops").asDouble() > 0);
        ObjectNode rows = MAPPER.createObjectNode();
        root.path("rows").forEach(row -> rows.set(row.path("op").asText(), row));
        assertEquals(4, rows.size());
        assertTrue(rows.path("embedding").path("skipped").asText().contains("cannot be drawn at random"));
        for (String timed : List.of("layerNormLinear", "groupNormSilu", "conv2d")) {
            JsonNode row = rows.path(timed);
            assertEquals(3, row.path("n").asInt());
            assertTrue(row.path("median_us").asDouble() > 0 && row.path("gbs").asDouble() > 0, row.toString());
            assertTrue(row.path("p95_us").asDouble() >= row.path("median_us").asDouble(), row.toString());
        }
        assertEquals("cublas", rows.path("layerNormLinear").at("/library/by").asText());
        assertTrue(rows.path("conv2d").at("/library/by").asText().startsWith("cudnn algorithm="));
        assertTrue(rows.path("conv2d").at("/bare/0/library_us").asDouble() > 0);
        assertTrue(rows.path("groupNormSilu").path("library").isMissingNode(), "no library serves it");
        assertEquals(
                "short shapes, whose times are no records",
                BenchRecord.read(out).trial());
    }

    @Test
    @Tag("software-cuda")
    void beginsNothingAfterItsLimit() throws IOException {
        assumeTrue(SoftwareCuda.build(), SoftwareCuda.NEEDS);
        Path out = folder.resolve("out.json");
        Options options = Options.parse("--device", "cuda", "--out", out.toString(), "--short", "--ops", "layerNorm");
        options.limit = 0;
        assertEquals(0, KernelBench.run(options));
        JsonNode root = MAPPER.readTree(out.toFile());
        assertEquals("after 0 of 1 rows, by --limit", root.path("ended").asText());
        assertEquals(0, root.path("rows").size());
    }

    @Test
    void listsShapesForPeersWithoutAGpu() throws IOException {
        Path file = folder.resolve("shapes.json");
        assertEquals(
                0,
                KernelBench.run(
                        "--list-shapes", file.toString(), "--models", "sd15", "--batches", "2", "--ops", "attention"));
        JsonNode row = MAPPER.readTree(file.toFile()).path("rows").path(1);
        assertEquals(
                "attention f16[2,4096,320] f16[2,4096,320] f16[2,4096,320] 8 false",
                row.path("id").asText());
        assertEquals("[2,4096,320]", row.at("/operands/0/tensor").toString());
        assertEquals(8, row.at("/operands/3/value").asInt());
        assertEquals(42_949_672_960L, row.path("flops").asLong());
        assertEquals(5, row.at("/uses/sd15 unet b2").asInt());
    }

    @Test
    void listsOneShapeOfEachKindForTrying() throws IOException {
        Path file = folder.resolve("shapes.json");
        assertEquals(0, KernelBench.run("--list-shapes", file.toString(), "--short"));
        assertEquals(
                List.of("linearAdd", "conv2dAdd", "attention", "groupNormSilu", "layerNorm"),
                StreamSupport.stream(MAPPER.readTree(file.toFile()).path("rows").spliterator(), false)
                        .map(row -> row.path("op").asText())
                        .toList());
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(
            delimiter = '|',
            value = {
                "--device cuda | give --device and --out",
                "--device cuda --out | \"--out\" is no option, or lacks its value",
                "--colour red | there is no option \"--colour\"",
                "--list-shapes f --models sd3 | there is no model \"sd3\"; known are sd15, sd21, sdxl",
                "--list-shapes f --batches two | --batches: \"two\" is no number",
                "--list-shapes f --batches 0 | --batches: 0 is not between 1 and 1000000",
                "--list-shapes f --ops juggling | --ops: there is no \"juggling\"; known are [product, convolution,",
                "--list-shapes f --dtype i32 | --dtype i32: networks compute in f32, f16 or bf16",
                "--device cpu --out f --short | kernels are timed by a CUDA device's events; cpu has none"
            })
    void saysWhatIsWrongWithItsArguments(String arguments, String expected) {
        IllegalArgumentException thrown =
                assertThrows(IllegalArgumentException.class, () -> KernelBench.run(arguments.split(" ")));
        assertTrue(String.valueOf(thrown.getMessage()).contains(expected), thrown.getMessage());
    }

    @Test
    void leavesValidJsonAtAnyTime() throws IOException {
        Path file = folder.resolve("rows.json");
        ObjectNode head = MAPPER.createObjectNode().put("what", "a test, \"}\"");
        try (AppendedJson json = new AppendedJson(file, head)) {
            for (int i = 0; i < 3; i++) {
                JsonNode so = MAPPER.readTree(file.toFile());
                assertEquals(i, so.path("rows").size());
                assertEquals("interrupted", so.path("ended").asText());
                json.append(MAPPER.createObjectNode().put("row", i));
            }
            json.finish(MAPPER.createObjectNode().put("ended", "whole").put("more", 1));
        }
        JsonNode whole = MAPPER.readTree(file.toFile());
        assertEquals(3, whole.path("rows").size());
        assertEquals("whole", whole.path("ended").asText());
        assertEquals(1, whole.path("more").asInt());
        assertEquals("a test, \"}\"", whole.path("what").asText());
    }

    /** Two attentions and two convolutions of a step, timed, and torch's time of one of the attentions. */
    @Test
    void tellsWhatItsTimesMeanForTheGoals() throws IOException {
        Path file = folder.resolve("record.json");
        Files.writeString(file, """
                {"what": "kernels", "rows": [
                 {"id": "a", "op": "attention", "flops": 42949672960, "n": 20, "median_us": 100,
                  "operands": [{"tensor": [2,4096,320]}, {"tensor": [2,4096,320]}, {"tensor": [2,4096,320]}, {"value": 8}]},
                 {"id": "c", "op": "conv2d", "flops": 1000000000, "n": 20, "median_us": 100, "uses": {"sd15 unet b2": 3},
                  "library": {"median_us": 150}, "operands": [{"tensor": [2,64,64,4]}, {"conv2d": [320,3,3,4]}]},
                 {"id": "d", "op": "conv2dAdd", "flops": 1000000000, "n": 10, "median_us": 200, "uses": {"sd15 unet b2": 1},
                  "library": {"median_us": 550}, "operands": [{"tensor": [2,64,64,4]}, {"conv2d": [320,3,3,4]}]},
                 {"id": "e", "op": "attention", "skipped": "too large"}]}
                """);
        Path torch = folder.resolve("torch.json");
        Files.writeString(
                torch,
                "{\"peer\": \"torch 2\", \"rows\": [{\"id\": \"a\", \"median_us\": 300},"
                        + " {\"id\": \"a\", \"median_us\": 200}, {\"id\": \"a\", \"skipped\": \"so\"}]}");
        KernelGoals.addTo(file, torch);
        List<BenchRecord.Value> values = BenchRecord.read(file).values();
        assertEquals(
                List.of(
                        new BenchRecord.Value(
                                4,
                                "convolutions 3x3 of SD1.5's U-Net, batch 2",
                                0.5,
                                Unit.MILLISECONDS,
                                10,
                                new BenchRecord.Peer("cuDNN and what follows it", 1)),
                        new BenchRecord.Value(
                                6,
                                "d=40, 4096 tokens, batch 2",
                                429.5,
                                Unit.TERAFLOPS,
                                20,
                                new BenchRecord.Peer("torch 2", 214.7))),
                values);
        assertEquals(4, MAPPER.readTree(file.toFile()).path("rows").size());
    }
}
