package dev.darkroom.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.darkroom.cuda.ProductTuner.Finding;
import dev.darkroom.cuda.ServingTable.Choice;
import dev.darkroom.cuda.ServingTable.Line;
import dev.darkroom.cuda.bind.CudaLibrary;
import dev.darkroom.cuda.bind.LibraryBinding;
import dev.darkroom.cuda.bind.LibraryFinding.Missing;
import dev.darkroom.tensor.Conv2dWeight;
import dev.darkroom.tensor.DType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@DisplayName("The table of which kernels serve which products")
class ServingTableTest {
    private static final GpuProperties GPU = new GpuProperties("a GPU", 80, 4, 99 << 10);
    private static final Product TOKENS = Product.linear(DType.F16, 4096, 320, 1280);
    private static final Product MAP =
            Product.convolution(DType.BF16, 64, 32, 320, 640, 3, 3, Conv2dWeight.Geometry.halving(0, 1));

    @TempDir
    private Path folder = Path.of("");

    private static ServingTable parse(String text) {
        return ServingTableFormat.parse("table.txt", text);
    }

    private static Choice choice(String text, Product product) {
        return parse(text).find(product, 80).map(Line::choice).orElse(Choice.OWN);
    }

    /** cuBLAS of a version, no cuDNN. */
    private static LibraryBinding library(CudaLibrary library) {
        return new LibraryBinding(
                new Missing(library, List.of(), List.of()),
                library == CudaLibrary.CUBLAS ? Optional.of("12.6.4") : Optional.empty());
    }

    @Test
    void sendsEverythingToOurOwnKernelsUntilSomethingIsMeasured() {
        assertEquals(List.of(), ServingTables.builtIn().lines());
        assertEquals(Choice.OWN, choice("", TOKENS));
    }

    @Test
    void isDecidedByItsFirstLineThatFits() {
        String text = """
                # comment
                linear f16 rows=1..4095 -> own   # another
                linear f16 rows=4096..8192 in=320 out=1280 capability=75..89 -> cublas

                linear -> own
                """;
        assertEquals(Choice.CUBLAS, choice(text, TOKENS));
        assertEquals(Choice.OWN, choice(text, Product.linear(DType.F16, 4095, 320, 1280)));
        assertEquals(Choice.OWN, choice(text, Product.linear(DType.BF16, 4096, 320, 1280)));
        assertEquals(Choice.OWN, choice(text, Product.geglu(DType.F16, 4096, 320, 1280)));
        assertEquals(3, parse(text).find(TOKENS, 89).orElseThrow().number());
        assertEquals(5, parse(text).find(TOKENS, 90).orElseThrow().number());
    }

    @Test
    void isReadAsItIsWritten() {
        List<Finding> findings = List.of(
                new Finding(TOKENS, Choice.CUBLAS, "own 2.0 us, cublas 1.0 us"),
                new Finding(Product.geglu(DType.F32, 1, 2, 3), Choice.OWN, "own 1.0 us"),
                new Finding(
                        Product.linear(DType.F16, 64, 1280, 1280),
                        Choice.own(Schedule.of(4, ProductTile.SMALL).from(8, ProductTile.WIDE)),
                        "own 2.0 us"),
                new Finding(MAP, Choice.cudnn(1), "own 2.0 us, cudnn algorithm=1 1.0 us"));
        String text = ServingTableFormat.write("two\nlines", Map.of("gpu", "a GPU"), findings);
        assertTrue(
                text.startsWith(
                        "# two\n# lines\nmeasured gpu a GPU\nlinear f16 rows=4096 in=320 out=1280 -> cublas   # own 2.0 us, cublas 1.0 us\n"),
                text);
        assertTrue(
                text.endsWith(
                        "\nconvolution bf16 height=64 width=32 in=320 out=640 kernel-height=3 kernel-width=3 stride=2"
                                + " padding-before=0 padding-after=1 -> cudnn algorithm=1   # own 2.0 us, cudnn algorithm=1 1.0 us\n"),
                text);
        assertTrue(
                text.contains("\nlinear f16 rows=64 in=1280 out=1280 -> own split=4 tile=SMALL,8:WIDE   # own"), text);
        findings.forEach(each -> assertEquals(each.choice(), choice(text, each.product())));
    }

    @Test
    void saysTileAndSplitOfOurOwnKernels() {
        Schedule schedule =
                choice("linear -> own tile=SMALL,8:WIDE split=3", TOKENS).schedule(); // parsed, not judged
        assertEquals(3, schedule.splits(4096, 1280, 320));
        assertEquals(ProductTile.SMALL, schedule.tile(GPU, DType.F16, 1, 4096, 1280, 3));
        assertEquals(ProductTile.SMALL, schedule.tile(GPU, DType.F16, 7, 7 * 4096, 1280, 3));
        assertEquals(ProductTile.WIDE, schedule.tile(GPU, DType.F16, 8, 8 * 4096, 1280, 3));
        Schedule tile = choice("linear -> own tile=NARROW", TOKENS).schedule();
        assertEquals(DepthSplits.count(64, 320, 5120), tile.splits(64, 320, 5120), "the split goes by the rule");
        Schedule split = choice("linear -> own split=2", TOKENS).schedule();
        assertEquals(ProductTile.choose(GPU, DType.F16, 4096, 1280, 2), split.tile(GPU, DType.F16, 1, 4096, 1280, 2));
    }

    @Test
    void saysWhyAProductCannotBeComputedSo() {
        Product exact = Product.linear(DType.F32, 4096, 320, 1280);
        Product few = Product.linear(DType.F16, 64, 320, 1280);
        assertEquals("", Schedule.parse("tile=WIDE", "split=10").problem(few, GPU));
        assertEquals(
                "its depth of 320 has 10 slices only",
                Schedule.parse("split=11").problem(few, GPU));
        assertEquals("", Schedule.parse("split=20").problem(Product.linear(DType.F32, 64, 320, 1280), GPU));
        assertEquals("", Schedule.parse("split=1").problem(TOKENS, GPU));
        assertEquals(
                "the parts of an image's sums would take 40 MiB, more than 16",
                Schedule.parse("split=2").problem(TOKENS, GPU));
        assertEquals(
                "WIDE does not serve f32 here, but [SCALAR]",
                Schedule.parse("tile=WIDE").problem(exact, GPU));
        assertEquals(
                "SCALAR does not serve f16 here, but [WIDE, TALL, SMALL, NARROW]",
                Schedule.parse("tile=WIDE,8:SCALAR").problem(TOKENS, GPU),
                "it sums in another order");
    }

    @ParameterizedTest(name = "{0}: {1}")
    @CsvSource(
            delimiter = '|',
            value = {
                "multiply -> own | there is no operation \"multiply\"; known are linear, geglu, convolution",
                "linear f16 | is not \"OPERATION [TYPE] [SIZE=N or N..M]... -> SERVER\"",
                "linear -> own -> own | is not \"OPERATION",
                "linear i32 -> own | products are of f32, f16 or bf16, not of i32",
                "linear f12 -> own | unknown element type \"f12\"",
                "linear rows=many -> own | \"rows=many\" is not NAME=N or NAME=N..M",
                "linear rows=9999999999 -> own | is not NAME=N",
                "linear height=3 -> own | a linear has no \"height\"; it has rows, in, out, capability",
                "linear rows=7..3 -> own | rows=7..3 is empty: 7 is more than 3",
                "linear rows=1 rows=2 -> own | rows is there twice",
                "linear -> mkl | there is no \"mkl\"; known are own, cublas, cudnn",
                "linear -> cudnn | cudnn does not serve a linear",
                "convolution -> cublas | cublas does not serve a convolution",
                "convolution -> cudnn algorithm=x | is not own [split=N] [tile=TILE], cublas, cudnn or cudnn algorithm=N",
                "linear -> cublas algorithm=1 | is not own [split=N] [tile=TILE], cublas",
                "linear -> cublas split=2 | is not own [split=N] [tile=TILE], cublas",
                "linear -> own split=0 | split=0: the depth is split into 1 to 64 parts",
                "linear -> own split=65 | split=65: the depth is split into 1 to 64 parts",
                "linear -> own split=2 split=3 | \"split=3\" is not split=N or tile=TILE[,IMAGES:TILE]..., or is there twice",
                "linear -> own depth=3 | \"depth=3\" is not split=N or tile=TILE",
                "linear -> own tile=HUGE | there is no tile \"HUGE\"; known are [WIDE, TALL, SMALL, NARROW, SCALAR]",
                "linear -> own tile=wide | \"wide\" is not TILE or IMAGES:TILE",
                "linear -> own tile=2:WIDE | the first tile serves from one image on",
                "linear -> own tile=WIDE,8:TALL,8:SMALL | each of the others from more than the one before it",
                "measured gpu | is not \"measured NAME VALUE\"",
                "measured weather fine | with one of the names [gpu, cublas, cudnn]"
            })
    void saysInWhichLineOfWhichFileItIsWrong(String line, String expected) {
        IllegalArgumentException thrown =
                assertThrows(IllegalArgumentException.class, () -> parse("# first\n" + line + "\n"));
        String message = String.valueOf(thrown.getMessage());
        assertTrue(message.startsWith("table.txt:2: "), message);
        assertTrue(message.contains(expected), message);
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource({
        "linear -> cublas, true",
        "measured gpu a GPU, true",
        "measured cublas 12.6.4, true",
        "linear -> nothing, false",
        "measured gpu another GPU, false",
        "measured cublas 12.8.0, false",
        "measured cudnn 9.1.0, false"
    })
    void holdsOnlyIfItCanBeReadAndForWhatItWasMeasuredWith(String line, boolean holds) throws IOException {
        Path file = Files.writeString(folder.resolve("table.txt"), "linear -> cublas\n" + line + "\n");
        try (CapturedLog log = CapturedLog.of(ServingTables.class)) {
            ServingTable table = ServingTables.read(file, GPU, ServingTableTest::library);
            assertEquals(holds ? file.toString() : "the built-in serving.txt", table.origin());
            assertEquals(holds, log.lines().isEmpty());
            if (!holds) {
                assertTrue(
                        log.lines().get(0).startsWith(file + ":2: "),
                        log.lines().get(0));
            }
        }
    }

    @Test
    void isShippedForGpusThatWereMeasured() {
        try (CapturedLog log = CapturedLog.of(ServingTables.class)) {
            assertEquals(
                    2,
                    shipped("A GPU of the tests")
                            .find(TOKENS, 80)
                            .orElseThrow()
                            .choice()
                            .schedule()
                            .split());
            assertEquals(List.of(), shipped("Another GPU").lines());
            assertEquals(List.of(), log.lines());
            assertEquals(List.of(), shipped("An older GPU of the tests").lines());
            assertEquals(
                    "the built-in serving/an-older-gpu-of-the-tests.txt:2: measured with cublas 11.1.1, here is 12.6.4;"
                            + " rules of thumb serve instead. Run \"darkroom bench --tune\"",
                    log.lines().get(0));
        }
    }

    private static ServingTable shipped(String gpu) {
        return ServingTables.shipped(new GpuProperties(gpu, 80, 4, 99 << 10), ServingTableTest::library);
    }

    @Test
    void isWarnedOfWhereItCannotBeRead() throws IOException {
        Path file = Files.write(folder.resolve("table.txt"), new byte[] {(byte) 0xff, (byte) 0xfe});
        try (CapturedLog log = CapturedLog.of(ServingTables.class)) {
            assertEquals(
                    "the built-in serving.txt",
                    ServingTables.read(file, GPU, ServingTableTest::library).origin());
            assertTrue(
                    log.lines().get(0).startsWith(file + " cannot be read"),
                    log.lines().get(0));
        }
    }

    @Test
    void isKeptForEachGpuByItself() {
        Path file = ServingTables.fileOf(new GpuProperties("NVIDIA H100 80GB HBM3", 90, 132, 227 << 10));
        assertTrue(file.endsWith("darkroom/serving/nvidia-h100-80gb-hbm3.txt"), file.toString());
    }

    @Test
    void keepsProductsApartThatOneImageAsks() {
        assertEquals(32, MAP.outputHeight());
        assertEquals(16, MAP.outputWidth());
        assertEquals(32 * 16 * 640, MAP.outputs());
        assertTrue(MAP.problem().isEmpty());
        assertFalse(Product.linear(DType.F16, 1, 3, 8).problem().isEmpty());
        assertFalse(Product.linear(DType.F16, 1, 8, 3).problem().isEmpty());
        assertTrue(Product.linear(DType.F16, 8, 3, 3).problem().isEmpty());
    }
}
