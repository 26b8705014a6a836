package dev.darkroom.pipeline;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.darkroom.cuda.SoftwareCuda;
import java.io.File;
import java.io.IOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a step of Stable Diffusion 1.5 asks of the device, counted on the software CUDA device in a process of its own ({@link LaunchList}). */
@Tag("software-cuda")
class LaunchListTest {
    private static final int MOST_LAUNCHES = 300; // kernels of a step

    @Test
    void aStepIsFewLaunchesAndAReplayedOneASingleCall(@TempDir Path folder) throws IOException, InterruptedException {
        assumeTrue(SoftwareCuda.build(), SoftwareCuda.NEEDS);
        Path list = folder.resolve("launches.json");
        count(folder, list);
        JsonNode report = new ObjectMapper().readTree(list.toFile());
        if (Boolean.getBoolean("darkroom.records")) {
            Path records = Path.of(System.getProperty("darkroom.root"), "bench", "records");
            Files.createDirectories(records);
            Files.copy(list, records.resolve("launches-sd15.json"), StandardCopyOption.REPLACE_EXISTING);
        }
        assertEquals(1, report.path("recordings").asInt(), "all steps share one recording");
        assertEquals(2, report.path("replayed_steps").asInt());
        assertEquals(1, report.path("launch_calls_of_a_replayed_step").asInt());
        int launches = report.path("kernel_launches").asInt();
        assertTrue(launches > 0 && launches <= MOST_LAUNCHES, report::toPrettyString);
        double measured = report.path("peak_bytes").asDouble();
        assertEquals(measured, report.path("predicted_peak_bytes").asDouble(), 0.05 * measured, "predicted peak");
    }

    private static void count(Path folder, Path list) throws IOException, InterruptedException {
        Path log = folder.resolve("log");
        ProcessBuilder counting = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xmx512m",
                        "-cp",
                        classPath(),
                        LaunchList.class.getName(),
                        list.toString())
                .redirectErrorStream(true)
                .redirectOutput(log.toFile());
        counting.environment().put("SOFTCUDA_EXECUTE", "0");
        counting.environment()
                .put("XDG_CACHE_HOME", folder.toString()); // kernels that are not compiled are no one else's
        int code = counting.start().waitFor();
        assertEquals(0, code, () -> read(log));
    }

    /** Of this test: its loader's, where that has one of its own. */
    private static String classPath() {
        if (LaunchListTest.class.getClassLoader() instanceof URLClassLoader loader) {
            return Stream.of(loader.getURLs()).map(URL::getPath).collect(Collectors.joining(File.pathSeparator));
        }
        return Objects.requireNonNull(System.getProperty("java.class.path"));
    }

    private static String read(Path log) {
        try {
            return Files.readString(log, StandardCharsets.UTF_8);
        } catch (IOException e) {
            return e.toString();
        }
    }
}
