package dev.darkroom.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.darkroom.cuda.bind.CudaRuntime;
import dev.darkroom.cuda.bind.Nvrtc;
import dev.darkroom.tensor.DeviceException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import jcuda.driver.CUdevice;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@DisplayName("A kernel that is compiled, kept and loaded")
@Tag("software-cuda")
class ModuleLoaderTest {
    private static final byte[] GARBAGE = "no image".getBytes(StandardCharsets.US_ASCII);

    @TempDir
    private Path folder = Path.of("");

    private final List<String> warnings = new ArrayList<>();
    private final CudaRuntime runtime;
    private final GpuProperties gpu;
    private final CudaContext context;
    private final CudaStream stream;

    @BeforeAll
    static void theSoftwareDeviceIsBuilt() {
        assumeTrue(SoftwareCuda.build(), SoftwareCuda.NEEDS);
    }

    ModuleLoaderTest() {
        runtime = CudaRuntime.open();
        CUdevice device = runtime.device(0);
        gpu = GpuProperties.of(device);
        DriverErrors errors = new DriverErrors("cuda:0");
        context = new CudaContext("cuda:0", device, errors);
        stream = new CudaStream(context, errors);
    }

    @AfterEach
    void closeIt() {
        stream.close();
        context.close();
    }

    private void load() {
        KernelCompiler compiler = compiler(gpu.capability());
        ModuleLoader loader = new ModuleLoader(stream, compiler, gpu);
        try (CapturedLog loading = CapturedLog.of(ModuleLoader.class);
                CapturedLog keeping = CapturedLog.of(CubinCache.class)) {
            loader.load(KernelCompiler.SAMPLE.file(), "layerNorm", KernelCompiler.SAMPLE.defines());
            warnings.addAll(keeping.lines());
            warnings.addAll(loading.lines());
        } finally {
            loader.close();
        }
    }

    private KernelCompiler compiler(int capability) {
        return new KernelCompiler(
                ReadyMadeCubins.none(), new CubinCache(folder), runtime.compiler(), "none", capability);
    }

    private Path kept() throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            List<Path> all = files.toList();
            assertEquals(1, all.size(), all.toString());
            return all.get(0);
        }
    }

    private static String key(Path kept) {
        return kept.getFileName().toString().replace(".cubin", "");
    }

    @Test
    void isTakenFromTheCacheTheSecondTime() throws IOException {
        load();
        byte[] image = Files.readAllBytes(kept());
        load();
        assertTrue(Arrays.equals(image, Files.readAllBytes(kept())));
        assertEquals(List.of(), warnings);
    }

    @Test
    void isCompiledAnewWhereTheKeptFileWasCutShort() throws IOException {
        load();
        byte[] whole = Files.readAllBytes(kept());
        Files.write(kept(), Arrays.copyOf(whole, whole.length / 2));
        load();
        assertEquals(1, warnings.size(), warnings.toString());
        assertTrue(warnings.get(0).contains("is damaged; compiling anew"), warnings.toString());
        assertTrue(Arrays.equals(whole, Files.readAllBytes(kept())));
    }

    @Test
    void isCompiledAnewWhereTheDriverRefusesTheKeptImage() throws IOException {
        load();
        byte[] whole = Files.readAllBytes(kept());
        new CubinCache(folder).put(key(kept()), GARBAGE);
        load();
        assertEquals(1, warnings.size(), warnings.toString());
        assertTrue(
                warnings.get(0)
                        .contains("refuses the kept image of kernels/layernorm.cu with CUDA_ERROR_INVALID_IMAGE"),
                warnings.toString());
        assertTrue(Arrays.equals(whole, Files.readAllBytes(kept())), "the good image is kept instead");
    }

    @Test
    void isAnErrorWhereTheDriverRefusesTheFreshImageToo() {
        ModuleLoader loader = new ModuleLoader(stream, compiler(90), gpu); // newer than the device
        DeviceException thrown = assertThrows(
                DeviceException.class,
                () -> loader.load(KernelCompiler.SAMPLE.file(), "layerNorm", KernelCompiler.SAMPLE.defines()));
        assertTrue(String.valueOf(thrown.getMessage())
                .contains("cuModuleLoadData of kernels/layernorm.cu T=f16 VECTOR=1 failed"));
    }

    @Test
    void showsAMistakeWithItsOwnFileAndLine() {
        Nvrtc nvrtc = runtime.compiler().orElseThrow();
        String source = "#include \"half.cuh\"\n\nextern \"C\" __global__ void f(float* x) {\n    x[0] = missing;\n}\n";
        Nvrtc.CompileException thrown = assertThrows(
                Nvrtc.CompileException.class,
                () -> nvrtc.compile("kernels/broken.cu", source, Map.of("half.cuh", ""), List.of()));
        assertNames(thrown, "broken\\.cu[:(]4\\D", "missing");
        String header = "\n\nint wrong = \"text\";\n";
        thrown = assertThrows(
                Nvrtc.CompileException.class,
                () -> nvrtc.compile("kernels/broken.cu", source, Map.of("half.cuh", header), List.of()));
        assertNames(thrown, "half\\.cuh[:(]3\\D", "kernels/broken.cu cannot be compiled");
    }

    private static void assertNames(Nvrtc.CompileException thrown, String place, String word) {
        String message = String.valueOf(thrown.getMessage());
        assertTrue(message.lines().anyMatch(line -> line.matches(".*" + place + ".*")), message);
        assertTrue(message.contains(word), message);
    }
}
