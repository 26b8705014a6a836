package dev.darkroom.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.darkroom.cuda.SoftwareCuda;
import java.io.IOException;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Each in a process of its own, since a process loads a driver once. */
@DisplayName("A CUDA device that cannot be had, as the user sees it")
@Tag("software-cuda")
final class CudaFaultsTest {
    private static final Path ROOT =
            Path.of(System.getProperty("darkroom.root")).toAbsolutePath().normalize();
    private static final Path SOFTWARE = ROOT.resolve("tests/softcuda/build");

    @TempDir
    private Path folder = Path.of("");

    private record Ended(int code, List<String> out, List<String> err) {}

    @BeforeAll
    static void theSoftwareDeviceIsBuilt() {
        assumeTrue(SoftwareCuda.build(), SoftwareCuda.NEEDS);
    }

    private Ended run(Path driver, Map<String, String> settings, String... arguments) throws Exception {
        Path out = folder.resolve("out.txt");
        Path err = folder.resolve("err.txt");
        String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
        List<String> command = Stream.concat(
                        Stream.of(java, "-Xmx1g", "-Ddarkroom.home=" + ROOT, "-cp", classPath(), Main.class.getName()),
                        Stream.of(arguments))
                .toList();
        ProcessBuilder builder = new ProcessBuilder(command)
                .directory(folder.toFile())
                .redirectOutput(out.toFile())
                .redirectError(err.toFile());
        builder.environment().put("DARKROOM_CUDA_DRIVER", driver.toString());
        builder.environment().putAll(settings);
        Process process = builder.start();
        assertTrue(process.waitFor(3, TimeUnit.MINUTES), "it does not end");
        return new Ended(process.exitValue(), Files.readAllLines(out), Files.readAllLines(err));
    }

    /** Of this process, however the tests were started. */
    private static String classPath() {
        return Thread.currentThread().getContextClassLoader() instanceof URLClassLoader loader
                ? Arrays.stream(loader.getURLs())
                        .map(url -> Path.of(url.getPath()).toString())
                        .collect(Collectors.joining(":"))
                : System.getProperty("java.class.path");
    }

    private Ended draw(Path driver, Map<String, String> settings, String device) throws Exception {
        return run(
                driver,
                settings,
                "txt2img",
                "-p",
                "x",
                "-W",
                "64",
                "-H",
                "64",
                "--steps",
                "1",
                "--device",
                device,
                "-o",
                folder.resolve("out.png").toString());
    }

    /** The device is refused in one line, with the exit code of a device that failed, and nothing is written. */
    private void assertRefused(Ended ended, String message) {
        List<String> said = ended.err().stream()
                .filter(line -> !line.startsWith("loading "))
                .toList();
        assertEquals(1, said.size(), said.toString());
        assertTrue(said.get(0).startsWith("darkroom: error: device cuda:"), said.toString());
        assertTrue(said.get(0).contains(message), said.toString());
        assertEquals(Failures.DEVICE_FAILED, ended.code());
        assertFalse(Files.exists(folder.resolve("out.png")));
    }

    /** A folder with the software device's driver and what else is named, as empty files. */
    private Path driverWith(String... files) throws IOException {
        Path drivers = Files.createDirectory(folder.resolve("drivers"));
        Files.copy(SOFTWARE.resolve("libcuda.so.1"), drivers.resolve("libcuda.so.1"));
        for (String file : files) {
            Files.createFile(drivers.resolve(file));
        }
        return drivers;
    }

    @Test
    void withoutADriver() throws Exception {
        assertRefused(
                draw(folder, Map.of(), "cuda"), "no NVIDIA driver was found: libcuda.so.1 is in none of " + folder);
    }

    @Test
    void withADriverThatIsTooOld() throws Exception {
        assertRefused(
                draw(SOFTWARE, Map.of("SOFTCUDA_DRIVER_VERSION", "11080"), "cuda"),
                "libcuda.so.1 is made for CUDA 11.8; needed is one for CUDA 12.0 or newer: release 525.60.13");
    }

    @Test
    void withoutAGpu() throws Exception {
        assertRefused(draw(SOFTWARE, Map.of("SOFTCUDA_DEVICES", "0"), "cuda"), "there is no GPU: the driver");
    }

    @Test
    void withFewerGpusThanAskedFor() throws Exception {
        assertRefused(
                draw(SOFTWARE, Map.of("SOFTCUDA_DEVICES", "2"), "cuda:9"),
                "there is no cuda:9: the driver sees 2 GPUs, from cuda:0 to cuda:1");
    }

    @Test
    void ofACapabilityThatIsTooLow() throws Exception {
        assertRefused(
                draw(SOFTWARE, Map.of("SOFTCUDA_CAPABILITY", "70"), "cuda"),
                "has compute capability 7.0; needed is 7.5 (Turing) or newer");
    }

    @Test
    void withNeitherReadyMadeKernelsNorNvrtc() throws Exception {
        assertRefused(
                draw(driverWith(), Map.of(), "cuda"),
                "no kernels for this GPU: kernels/layernorm.cu T=f16 VECTOR=1 has no ready-made image for compute capability 8.0");
    }

    @Test
    void withAnNvrtcOfAnotherMajorVersion() throws Exception {
        assertRefused(
                draw(driverWith("libnvrtc.so.11.2"), Map.of(), "cuda"),
                "libnvrtc.so.11.2 is of version 11, needed is 13 or 12");
    }

    @Test
    void isReplacedByTheProcessorWhereTheChoiceIsOurs() throws Exception {
        Ended ended = draw(SOFTWARE, Map.of("SOFTCUDA_DRIVER_VERSION", "11080"), "auto");
        assertEquals(0, ended.code(), ended.err().toString());
        assertEquals(
                List.of("darkroom: computing on the cpu: the NVIDIA driver is too old"),
                ended.err().stream().filter(line -> line.contains("cpu")).toList());
        assertTrue(Files.exists(folder.resolve("out.png")));
    }

    @Test
    void isExaminedByDoctorPartForPart() throws Exception {
        Ended ended = run(driverWith("libcudnn.so.8"), Map.of(), "doctor", "--json");
        assertEquals(0, ended.code(), ended.err().toString());
        JsonNode cuda =
                new ObjectMapper().readTree(String.join("", ended.out())).path("cuda");
        JsonNode libraries = cuda.path("libraries");
        assertTrue(
                libraries.path("NVIDIA driver").path("path").asText().endsWith("drivers/libcuda.so.1"), cuda::toString);
        assertEquals("12.6", libraries.path("NVIDIA driver").path("version").asText());
        assertTrue(
                libraries
                        .path("NVRTC")
                        .path("explanation")
                        .asText()
                        .startsWith("libnvrtc.so.13 or libnvrtc.so.12 is in none of"),
                cuda::toString);
        assertTrue(
                libraries
                        .path("cuDNN")
                        .path("explanation")
                        .asText()
                        .contains("libcudnn.so.8 is of version 8, needed is 9"),
                cuda::toString);
        JsonNode gpu = cuda.path("gpus").path("cuda:0");
        assertEquals("8.0", gpu.path("compute_capability").asText());
        assertTrue(gpu.path("free_bytes").asLong() > 1 << 30, cuda::toString);
        assertEquals("", cuda.path("problem").asText());
    }

    @Test
    void isExaminedByDoctorInWords() throws Exception {
        Ended ended = run(SOFTWARE, Map.of("SOFTCUDA_CAPABILITY", "70", "SOFTCUDA_MEMORY", "2g"), "doctor");
        String text = String.join("\n", ended.out());
        assertEquals(0, ended.code(), ended.err().toString());
        assertTrue(text.contains("device cuda          absent: device cuda:0: cuda:0 cannot be used"), text);
        assertTrue(
                text.contains("NVIDIA driver        12.6, " + SOFTWARE + "/libcuda.so.1 (by DARKROOM_CUDA_DRIVER)"),
                text);
        assertTrue(
                text.contains(
                        "cuBLAS               12.6.0, " + SOFTWARE + "/libcublas.so.12 (by DARKROOM_CUDA_DRIVER)"),
                text);
        assertTrue(text.contains("ready-made kernels   "), text);
        assertTrue(text.contains("compute capability 7.0, cannot be used: "), text);
    }
}
