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
        findings.forEach(each -> assertEquals(each.choice(), choice(text, each.product())));
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
                "convolution -> cudnn algorithm=x | is not own, cublas, cudnn or cudnn algorithm=N",
                "linear -> cublas algorithm=1 | is not own, cublas",
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
