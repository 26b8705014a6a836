package dev.darkroom.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** The software CUDA device passes its own tests, which are in C++ (tests/softcuda). */
class SoftwareDeviceTest {

    private static final Path FOLDER = Path.of(System.getProperty("darkroom.root"), "tests", "softcuda");

    @Test
    void itPassesItsOwnTests() throws IOException, InterruptedException {
        assumeTrue(compilerIsThere(), "the software CUDA device needs g++: apt-get install g++");
        Path log = Files.createTempFile("softcuda", ".log");
        Process tests = start(log, FOLDER.resolve("run-tests").toString());
        try {
            boolean ended = tests.waitFor(5, TimeUnit.MINUTES);
            String said = Files.readString(log, StandardCharsets.UTF_8);
            assertTrue(ended, () -> "the tests do not end: " + said);
            assertEquals(0, tests.exitValue(), said);
        } finally {
            tests.destroyForcibly();
            Files.delete(log);
        }
    }

    private static boolean compilerIsThere() throws IOException, InterruptedException {
        Path log = Files.createTempFile("softcuda", ".log");
        try {
            return start(log, "g++", "--version").waitFor() == 0;
        } catch (IOException noSuchProgram) {
            return false;
        } finally {
            Files.delete(log);
        }
    }

    private static Process start(Path log, String... command) throws IOException {
        return new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start();
    }
}
