package dev.darkroom.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.darkroom.cuda.SoftwareCuda;
import dev.darkroom.cuda.SoftwareFaults;
import dev.darkroom.cuda.SoftwareFaults.Call;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the command line says where the GPU fails, on the software device. */
@Tag("software-cuda")
@DisplayName("The command line on a GPU")
class DeviceFailureTest {
    private static final String MODEL = System.getProperty("darkroom.root") + "/tests/reference/checkpoints/sd1";

    @TempDir
    private Path folder = Path.of("");

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();
    private SoftwareFaults faults;

    @BeforeEach
    void withoutKernels() {
        assumeTrue(SoftwareCuda.build(), SoftwareCuda.NEEDS);
        faults = SoftwareFaults.open();
        faults.reset();
        faults.compute(false);
    }

    @AfterEach
    void withKernels() {
        faults.reset();
        faults.compute(true);
    }

    private int run(String... more) {
        List<String> arguments = new ArrayList<>(List.of(more));
        arguments.addAll(List.of("-m", MODEL, "--device", "cuda", "--dtype", "f16"));
        return Main.run(new PrintWriter(out, true), new PrintWriter(err, true), arguments.toArray(String[]::new));
    }

    private int generate(String... more) {
        List<String> arguments =
                new ArrayList<>(List.of("txt2img", "-p", "a boat", "-W", "64", "-H", "64", "--steps", "1"));
        arguments.addAll(List.of("-o", folder.resolve("out.png").toString()));
        arguments.addAll(List.of(more));
        return run(arguments.toArray(String[]::new));
    }

    private void fails(Call call, int n, int code, String message) throws IOException {
        faults.fail(call, n, code);
        assertEquals(Failures.DEVICE_FAILED, generate(), err.toString());
        List<String> errors =
                err.toString().lines().filter(line -> line.contains("error")).toList();
        assertEquals(1, errors.size(), err.toString());
        assertTrue(errors.get(0).matches("darkroom: error: device cuda:0" + message), errors.get(0));
        assertFalse(err.toString().contains("\tat "), err.toString());
        try (var files = Files.list(folder)) {
            assertEquals(0, files.count(), "files written");
        }
    }

    @Test
    void saysThatItIsLostWhichKernelsRanLastAndWhatToDo() throws IOException {
        int loading = launchesOfLoading();
        fails(
                Call.LAUNCH,
                loading + 40,
                700,
                " is lost: cuLaunchKernel failed with CUDA_ERROR_ILLEGAL_ADDRESS \\(700\\); launched last, the newest at the end: "
                        + "(\\w+/\\w+, ){7}\\w+/\\w+\\. .*start a new one\\..*");
    }

    @Test
    void saysThatItIsLostWhereThatShowsInTheMiddleOfLoading() throws IOException {
        fails(Call.WAIT, 30, 719, " is lost: cuEventSynchronize failed with CUDA_ERROR_LAUNCH_FAILED \\(719\\);.*");
    }

    @Test
    void saysThatMemoryRanOut() throws IOException {
        int loading = launchesOfLoading();
        faults.fail(Call.LAUNCH, loading + 40, 2);
        fails(Call.LAUNCH, loading + 41, 2, " has no room for what cuLaunchKernel takes: .*Use a smaller size.*");
    }

    @Test
    void benchShowsWhatThePoolHolds() throws IOException {
        assertEquals(
                0, run("bench", "--json", "--repeat", "1", "--warmup", "0", "-W", "64", "-H", "64"), err.toString());
        JsonNode pool = new ObjectMapper().readTree(out.toString()).path("pool");
        for (String field : List.of("live", "cached", "peak", "peak_reserved", "requested")) {
            assertTrue(pool.path(field + "_bytes").asLong() > 1000, field);
        }
        assertTrue(pool.path("fragmentation").asDouble() > 0);
        assertEquals(0, run("bench", "--part", "vae", "--repeat", "1", "--warmup", "0", "-W", "64", "-H", "64"));
        assertTrue(
                out.toString()
                        .matches("(?s).*pool +\\S+ MB live, \\S+ MB requested, \\S+ MB cached, \\S+ % fragmentation.*"),
                out.toString());
    }

    private int launchesOfLoading() {
        assertEquals(Failures.BAD_INPUT, generate("-W", "16384", "-H", "16384"), err.toString());
        err.getBuffer().setLength(0);
        int launches = faults.count(Call.LAUNCH);
        faults.reset();
        return launches;
    }
}
