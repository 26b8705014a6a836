package dev.darkroom.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.darkroom.cuda.ServingTable.Choice;
import dev.darkroom.cuda.bind.CudaLibrary;
import dev.darkroom.cuda.bind.LibraryBinding;
import dev.darkroom.cuda.bind.LibraryFinding.Missing;
import dev.darkroom.device.Devices;
import dev.darkroom.tensor.Conv2dWeight;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.HostTensor;
import dev.darkroom.tensor.LinearWeight;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Tag("software-cuda")
@DisplayName("That libraries compute products")
class LibraryProductsTest {
    private static final Conv2dWeight.Geometry SAME = Conv2dWeight.Geometry.same(3);
    private static final Product TOKENS = Product.linear(DType.F32, 2, 4, 8);
    private static final Product MAP = Product.convolution(DType.F32, 4, 4, 4, 4, 3, 3, SAME);

    @TempDir
    private Path folder = Path.of("");

    @BeforeAll
    static void buildTheDevice() {
        assumeTrue(SoftwareCuda.build(), SoftwareCuda.NEEDS);
    }

    @AfterAll
    static void forgetFaults() {
        if (SoftwareFaults.available()) {
            SoftwareFaults.open().reset();
        }
    }

    private static CudaDevice device(String table) {
        return (CudaDevice) LibraryDevice.open(table);
    }

    private static HostTensor ones(int... dims) {
        float[] values = new float[Math.toIntExact(Shape.of(dims).count())];
        Arrays.fill(values, 1);
        return HostTensor.of("ones", Shape.of(dims), values);
    }

    /** A product of tokens and a convolution, all of ones. */
    private static void compute(CudaDevice device) {
        try (Scope scope = Scope.open(device, "test")) {
            Ops ops = device.ops(scope);
            LinearWeight layer = ops.linearWeight(ones(8, 4), ones(8), DType.F32);
            Conv2dWeight kernel = ops.conv2dWeight(ones(4, 4, 3, 3), null, SAME, DType.F32);
            Tensor tokens = ops.upload(ones(1, 2, 4), DType.F32);
            Tensor map = ops.upload(ones(1, 4, 4, 4), DType.F32);
            assertEquals(5, ops.linear(tokens, layer).toHost()[0]);
            assertEquals(16, ops.conv2d(map, kernel).toHost()[0]);
        }
    }

    @Test
    void isForgoneWhereNoTableAsksForIt() {
        SoftwareFaults faults = SoftwareFaults.open();
        int calls = faults.count(SoftwareFaults.Call.LIBRARY);
        try (CudaDevice device = device("")) {
            compute(device);
            assertTrue(
                    device.description().contains("cuBLAS unused (the test's table does not ask for it)"),
                    device.description());
        }
        assertEquals(calls, faults.count(SoftwareFaults.Call.LIBRARY));
    }

    @Test
    void isToldInTheDevicesDescription() {
        try (CudaDevice device = device(LibraryDevice.EVERYTHING)) {
            String text = device.description();
            assertTrue(text.contains("cuBLAS 12.6.0 by the test's table, cuDNN 9.1.0 by"), text);
        }
    }

    @Test
    void isWarnedOfOnceWhereTheyAreMissingAndOurOwnKernelsServe() {
        try (CudaDevice device = device("")) {
            try (CapturedLog log = CapturedLog.of(LibraryProducts.class);
                    LibraryProducts products = new LibraryProducts(
                            device.modules(),
                            new MomentsKernels(device.modules(), device.engine().arrivals),
                            ServingTableFormat.parse("table.txt", LibraryDevice.EVERYTHING),
                            LibraryProductsTest::missing)) {
                assertEquals(Choice.OWN, products.choose(TOKENS));
                assertEquals(Choice.OWN, products.choose(Product.linear(DType.F32, 4, 4, 8)));
                assertEquals(Choice.OWN, products.choose(MAP));
                assertEquals(
                        List.of("table.txt:1 asks cublas for " + TOKENS
                                + ": no cuBLAS: libcublas.so.13 or libcublas.so.12 is in none of the usual folders, for there are"
                                + " none; optional, kernels of our own stand in; install the CUDA toolkit or the Python"
                                + " package nvidia-cublas; our own kernels serve it by rule of thumb"),
                        log.lines().subList(0, 1));
                assertEquals(2, log.lines().size(), log.lines().toString());
                assertTrue(products.description().startsWith("no cuBLAS: libcublas.so.13"), products.description());
            }
        }
    }

    private static LibraryBinding missing(CudaLibrary library) {
        return new LibraryBinding(new Missing(library, List.of(), List.of()), Optional.empty());
    }

    @Test
    void isWarnedOfWhereAnAlgorithmCannotBeUsed() {
        try (CudaDevice device = device("convolution -> cudnn algorithm=6");
                CapturedLog log = CapturedLog.of(LibraryProducts.class)) {
            compute(device);
            compute(device);
            assertEquals(
                    List.of(
                            "the test's table:1 asks cudnn algorithm=6 for " + MAP
                                    + ": cuDNN cannot use algorithm 6 for it, but [1, 0]; our own kernels serve it by rule of thumb"),
                    log.lines());
        }
    }

    /** Every call of the libraries in turn, the last of them being those that end a handle. */
    @Test
    void failsWithTheCallAndWhatItWasCalledFor() {
        SoftwareFaults faults = SoftwareFaults.open();
        faults.reset();
        try (CudaDevice device = device(LibraryDevice.EVERYTHING)) {
            compute(device);
        }
        int calls = faults.count(SoftwareFaults.Call.LIBRARY);
        List<String> messages = new ArrayList<>();
        for (int n = 1; n <= calls; n++) {
            faults.reset();
            faults.fail(SoftwareFaults.Call.LIBRARY, n, 13);
            LibraryCallException thrown = assertThrows(LibraryCallException.class, () -> {
                try (CudaDevice device = device(LibraryDevice.EVERYTHING)) {
                    compute(device);
                }
            });
            assertEquals(13, thrown.status());
            messages.add(String.valueOf(thrown.getMessage()));
        }
        faults.reset();
        String all = String.join("\n", messages);
        for (String expected : List.of(
                "cublasCreate for a handle failed with CUBLAS_STATUS_EXECUTION_FAILED (13)",
                "cublasGemmEx for linear f32 rows=2 in=4 out=8 failed with CUBLAS_STATUS_EXECUTION_FAILED (13)",
                "cudnnCreate for a handle failed with",
                "cudnnSetTensor4dDescriptor for convolution f32 height=4 width=4 in=4 out=4 kernel-height=3",
                "cudnnGetConvolutionForwardWorkspaceSize for convolution f32",
                "cudnnConvolutionForward with algorithm 1 for convolution f32 height=4",
                "cudnnDestroy for its handle failed with")) {
            assertTrue(all.contains(expected), () -> "\"" + expected + "\" is not in\n" + all);
        }
    }

    @Test
    void isNoMatterOnOtherDevices() {
        IllegalArgumentException thrown = assertThrows(
                IllegalArgumentException.class, () -> Devices.tune(Devices.dry(DType.F32), null, line -> {}));
        assertEquals(
                "there is nothing to tune on dry: only on a CUDA device several libraries serve a product",
                thrown.getMessage());
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "linear -> cublas\nconvolution -> cudnn"})
    void isMeasuredAndWrittenToATableThatHoldsTheNextTime(String before) throws IOException {
        Path file = folder.resolve("new").resolve("table.txt");
        List<String> lines = new ArrayList<>();
        try (CudaDevice device = device(before)) {
            compute(device);
            assertEquals(file, device.tune(file, lines::add));
            compute(device);
            assertEquals(
                    file.toString(),
                    ServingTables.read(file, device.gpu(), device.libraries()).origin());
        }
        assertEquals(2, lines.size());
        assertTrue(lines.get(0).matches(TOKENS + ": own [0-9.]+ us, cublas [0-9.]+ us -> (own|cublas)"), lines.get(0));
        assertTrue(
                lines.get(1).matches(MAP + ": own .* us, cudnn algorithm=1 .* us, cudnn algorithm=0 .* us -> .*"),
                lines.get(1));
        String text = Files.readString(file);
        assertTrue(
                text.contains("\nmeasured gpu software device\nmeasured cublas 12.6.0\nmeasured cudnn 9.1.0\n"), text);
        try (CudaDevice device = device(text)) {
            compute(device);
        }
    }
}
