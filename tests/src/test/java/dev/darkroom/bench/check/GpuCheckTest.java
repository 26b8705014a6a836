package dev.darkroom.bench.check;

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
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** On the software device, with short shapes, and on machines that lack one thing or another. */
@DisplayName("gpu-check")
@Tag("software-cuda")
class GpuCheckTest {
    private static final Path ROOT =
            Path.of(System.getProperty("darkroom.root")).toAbsolutePath().normalize();
    private static final Path SOFTWARE = ROOT.resolve("tests/softcuda/build");
    private static final String LIMIT = "900"; // of a busy machine

    @TempDir
    private Path folder = Path.of("");

    private final Map<String, String> environment = new HashMap<>();
    private Path current = Path.of("");
    private Path out = Path.of("");

    private record Ended(int code, String said, String report, JsonNode json) {
        JsonNode stage(String name) {
            for (JsonNode stage : json.path("stages")) {
                if (stage.path("stage").asText().equals(name)) {
                    return stage;
                }
            }
            throw new AssertionError("no stage " + name + " in " + json);
        }

        void assertStage(String name, String status, String summary) {
            assertEquals(status, stage(name).path("status").asText(), said);
            assertTrue(stage(name).path("summary").asText().contains(summary), said);
        }
    }

    @BeforeAll
    static void theSoftwareDeviceIsBuilt() {
        assumeTrue(SoftwareCuda.build(), SoftwareCuda.NEEDS);
    }

    @BeforeEach
    void aMachineWithASoftwareDeviceAndNoPrograms() throws IOException {
        current = folder;
        out = folder.resolve("out");
        Files.createDirectory(folder.resolve("bin"));
        for (String program : List.of("sh", "g++", "as", "ld", "cat", "sleep")) { // which the software device needs, or the test
            program(program, "exec " + Installation.program(program) + " \"$@\"");
        }
        environment.put("PATH", folder.resolve("bin").toString());
        environment.put("DARKROOM_CUDA_DRIVER", SOFTWARE.toString());
        environment.put("CUDA_HOME", folder.resolve("none").toString());
    }

    private void program(String name, String script) throws IOException {
        Path file = Files.writeString(folder.resolve("bin").resolve(name), "#!/bin/sh\n" + script + "\n");
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
    }

    private Process start(String... arguments) throws IOException {
        List<String> command = new ArrayList<>(
                List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString()));
        command.addAll(List.of("-XX:TieredStopAtLevel=1", "-Ddarkroom.home=" + ROOT));
        command.addAll(List.of("-Djava.io.tmpdir=" + folder, "-cp", classPath(), GpuCheck.class.getName()));
        command.addAll(List.of(arguments));
        ProcessBuilder builder = new ProcessBuilder(command)
                .directory(current.toFile())
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve("said.txt").toFile());
        builder.environment().putAll(environment);
        return builder.start();
    }

    /** Of this process, however the tests were started. */
    private static String classPath() {
        return Thread.currentThread().getContextClassLoader() instanceof URLClassLoader loader
                ? Arrays.stream(loader.getURLs())
                        .map(url -> Path.of(url.getPath()).toString())
                        .collect(Collectors.joining(":"))
                : System.getProperty("java.class.path");
    }

    private String said() throws IOException {
        return Files.readString(folder.resolve("said.txt"));
    }

    /** Runs it to its end; the report must be whole. */
    private Ended run(String... arguments) throws Exception {
        Process process = start(Stream.concat(
                        Stream.of("--out", out.toString(), "--limit", LIMIT), Stream.of(arguments))
                .toArray(String[]::new));
        return ended(process);
    }

    private Ended ended(Process process) throws Exception {
        assertTrue(process.waitFor(10, TimeUnit.MINUTES), "it does not end");
        assertTrue(Files.exists(out.resolve("report.md")), said());
        JsonNode json = new ObjectMapper().readTree(out.resolve("gpu-check.json").toFile());
        assertTrue(json.path("finished").asBoolean(), said());
        assertEquals(process.exitValue(), json.path("exit_code").asInt(), said());
        return new Ended(process.exitValue(), said(), Files.readString(out.resolve("report.md")), json);
    }

    private long files(String name) throws IOException {
        try (Stream<Path> files = Files.list(out.resolve(name))) {
            return files.count();
        }
    }

    @Test
    void checksAndMeasuresOnTheSoftwareDeviceWhatIsNoRecord() throws Exception {
        program("compute-sanitizer", "tool=$2; shift 6; \"$@\" && echo \"========= $([ $tool = memcheck ] && echo ERROR || echo RACECHECK) SUMMARY: 0 "
                + "$([ $tool = memcheck ] && echo errors || echo 'hazards displayed (0 errors, 0 warnings)')\"");
        Ended ended = run("--skip", "sdxl,kernels,torch-kernels");
        ended.assertStage("doctor", "passed", "software device, compute capability 8.0");
        ended.assertStage("before", "skipped", "nvidia-smi is not in PATH");
        ended.assertStage("verify", "passed", "comparisons passed in f16");
        ended.assertStage("sanitizer", "passed", "memcheck and racecheck found nothing");
        ended.assertStage("sd15", "passed", "4 cases timed");
        ended.assertStage("load", "passed", "of the pinned copy rate");
        ended.assertStage("memory", "passed", "batch 1 takes 0.0");
        ended.assertStage("contracts", "skipped", "JUnit's console"); // which the portable folder has
        assertEquals(Runner.INCOMPLETE, ended.code(), ended.said());
        assertTrue(ended.report().contains("they say nothing of a GPU"), ended.report());
        assertTrue(ended.report().contains("Not measured against torch: python3 is not there"), ended.report());
        assertTrue(ended.report().contains("verify " + ROOT + "/tests/reference --json"), ended.report());
        assertTrue(Files.notExists(out.resolve("records")), "times of the software device are no records");
        assertEquals(3, files("trial"));
        for (JsonNode stage : ended.json().path("stages")) {
            String trial = stage.at("/found/record/trial").asText("times of the software device");
            assertTrue(trial.startsWith("times of the software device"), trial);
        }
        assertFalse(Files.exists(out.resolve("checkpoints")));
    }

    @Test
    void saysThatThereIsNoGpuAndSkipsWhatNeedsOne() throws Exception {
        environment.put("DARKROOM_CUDA_DRIVER", Files.createDirectory(folder.resolve("empty")).toString());
        Ended ended = run();
        assertEquals(Runner.NO_GPU, ended.code(), ended.said());
        ended.assertStage("doctor", "failed", "cuda:0 cannot be used: ");
        for (Stage stage : Stages.ALL) {
            if (stage.needsGpu()) {
                ended.assertStage(stage.name(), "skipped", "no GPU: ");
            }
        }
        assertTrue(ended.report().contains("libcuda.so.1 is in none of"), ended.report());
    }

    @Test
    void goesOnWithoutLibrariesTorchAndSanitizer() throws Exception {
        Path driver = Files.createDirectory(folder.resolve("driver"));
        for (String file : List.of("libcuda.so.1", "libnvrtc.so.12", "include")) {
            Files.createSymbolicLink(driver.resolve(file), SOFTWARE.resolve(file));
        }
        environment.put("DARKROOM_CUDA_DRIVER", driver.toString());
        program("python3", "echo \"ModuleNotFoundError: No module named 'torch'\" >&2; exit 1");
        Ended ended = run("--only", "sanitizer,memory", "--short");
        ended.assertStage("doctor", "passed", "cuBLAS absent, cuDNN absent");
        ended.assertStage("sanitizer", "skipped", "compute-sanitizer is in neither PATH");
        ended.assertStage("memory", "passed", "batch 1 takes");
        assertTrue(ended.report().contains("python3 has no torch: ModuleNotFoundError: No module named 'torch'"), ended.report());
        assertEquals(Runner.GOOD, ended.code(), ended.said());
    }

    @Test
    void skipsWhatTheMemoryIsTooSmallFor() throws Exception {
        environment.put("SOFTCUDA_MEMORY", "27m");
        Ended ended = run("--only", "sd15,memory");
        for (String stage : List.of("sd15", "memory")) {
            ended.assertStage(stage, "skipped", "memory");
        }
        assertEquals(Runner.GOOD, ended.code(), ended.said());
    }

    @Test
    void writesElsewhereWhereTheFolderIsReadOnly() throws Exception {
        current = Path.of("/proc"); // where even root makes no files
        Process process = start("--only", "before");
        assertTrue(process.waitFor(3, TimeUnit.MINUTES));
        assertTrue(said().contains(" cannot be written to (") && said().contains("; writing to " + folder), said());
        assertEquals(Runner.GOOD, process.exitValue(), said());
        Process refused = start("--only", "before", "--out", "/proc/report");
        assertTrue(refused.waitFor(3, TimeUnit.MINUTES));
        assertEquals(2, refused.exitValue(), said());
        assertTrue(said().startsWith("gpu-check: error: /proc/report cannot be written to ("), said());
    }

    @Test
    void keepsKernelsInItsOwnFolderWhereTheCacheIsAnothers() throws Exception {
        environment.put("XDG_CACHE_HOME", "/proc/cache");
        Ended ended = run("--only", "verify", "--short");
        ended.assertStage("verify", "passed", "comparisons passed");
        assertTrue(ended.json().path("cache").asText().startsWith("/proc/cache/darkroom cannot be written to"), ended.report());
        assertTrue(files("cache/darkroom/cubins") > 3);
        assertTrue(ended.report().contains("XDG_CACHE_HOME=" + out.resolve("cache")), "how to run it again");
    }

    @Test
    void saysWhichStageLostTheDeviceAndWhatRanLast() throws Exception {
        environment.put("SOFTCUDA_FAIL", "launch:40:700");
        Ended ended = run("--only", "verify,sd15", "--short");
        assertEquals(Runner.LOST, ended.code(), ended.said());
        ended.assertStage("verify", "lost", "is lost: cuLaunchKernel failed with CUDA_ERROR_ILLEGAL_ADDRESS (700); launched last");
        ended.assertStage("sd15", "lost", "is lost: ");
        assertTrue(ended.said().contains("The device was lost in the stage verify."), ended.said());
        assertTrue(ended.said().contains("Run it again by itself: "), ended.said());
    }

    @Test
    void tellsWhatTheSanitizerFound() throws Exception {
        program(
                "compute-sanitizer",
                "echo '========= Invalid __global__ write of size 4 bytes'; echo '========= ERROR SUMMARY: 2 errors'; exit 86");
        Ended ended = run("--only", "sanitizer", "--short");
        assertEquals(Runner.FAILED, ended.code(), ended.said());
        ended.assertStage("sanitizer", "failed", "memcheck: ERROR SUMMARY: 2 error");
        assertTrue(ended.report().contains("Invalid __global__ write of size 4 bytes"), ended.report());
    }

    @Test
    void killsAStageAtItsLimitAndGoesOn() throws Exception {
        program("nvidia-smi", "sleep 300");
        Ended ended = ended(start("--out", out.toString(), "--only", "before", "--limit", "14"));
        assertEquals(Runner.FAILED, ended.code(), ended.said());
        ended.assertStage("before", "failed", "nvidia-smi did not end within");
    }

    @Test
    void leavesAWholeReportWheneverItIsKilled() throws Exception {
        program("nvidia-smi", "echo $$ > " + folder.resolve("pid") + "; sleep 300");
        Process process = start("--out", out.toString(), "--only", "before", "--limit", LIMIT);
        long child = waitForPid();
        process.destroyForcibly().waitFor();
        JsonNode json = new ObjectMapper().readTree(out.resolve("gpu-check.json").toFile());
        assertFalse(json.path("finished").asBoolean());
        assertEquals("before", json.path("running").asText());
        assertEquals("passed", json.at("/stages/0/status").asText());
        assertTrue(Files.readString(out.resolve("report.md")).contains("This run has not finished."));
        ProcessHandle.of(child).ifPresent(ProcessHandle::destroyForcibly);
    }

    @Test
    void endsItsProgramsAndSaysSoWhenItIsInterrupted() throws Exception {
        program("nvidia-smi", "echo $$ > " + folder.resolve("pid") + "; sleep 300");
        Process process = start("--out", out.toString(), "--only", "before", "--limit", LIMIT);
        long child = waitForPid();
        process.destroy();
        assertTrue(process.waitFor(1, TimeUnit.MINUTES));
        JsonNode json = new ObjectMapper().readTree(out.resolve("gpu-check.json").toFile());
        assertEquals(Runner.INTERRUPTED, json.path("exit_code").asInt(), json.toString());
        assertTrue(Files.readString(out.resolve("report.md")).contains("Interrupted"));
        assertFalse(ProcessHandle.of(child).map(ProcessHandle::isAlive).orElse(false));
    }

    private long waitForPid() throws IOException, InterruptedException {
        Path file = folder.resolve("pid");
        for (int i = 0; i < 1200; i++) {
            if (Files.exists(file) && !Files.readString(file).isBlank()) {
                return Long.parseLong(Files.readString(file).strip());
            }
            Thread.sleep(100);
        }
        throw new AssertionError("the stage does not begin: " + said());
    }

    @Test
    void refusesArgumentsThatMeanNothing() throws Exception {
        Process process = start("--only", "vrify");
        assertTrue(process.waitFor(3, TimeUnit.MINUTES));
        assertEquals(2, process.exitValue(), said());
        assertTrue(said().startsWith("gpu-check: error: there is no stage vrify; there are doctor, "), said());
    }
}
