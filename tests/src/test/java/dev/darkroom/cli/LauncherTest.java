package dev.darkroom.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.darkroom.image.PictureReader;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The launcher as a user runs it. */
final class LauncherTest {
    private static final Path LAUNCHER = Path.of(System.getProperty("darkroom.root"))
            .toAbsolutePath()
            .normalize()
            .resolve("darkroom");

    @TempDir
    private Path folder = Path.of("");

    @BeforeAll
    static void theAppIsPackaged() {
        Path jar = LAUNCHER.resolveSibling("java/app/target/darkroom-app.jar");
        Assumptions.assumeTrue(Files.exists(jar), () -> jar + " is not there; run mvn verify, which packages it");
    }

    private Process start(File output, String... arguments) throws IOException {
        // A shell that runs the tests in the background has them ignore interrupts, which children would inherit.
        List<String> command = new ArrayList<>(List.of("env", "--default-signal=INT", LAUNCHER.toString()));
        command.addAll(List.of(arguments));
        return new ProcessBuilder(command)
                .directory(folder.toFile())
                .redirectErrorStream(true)
                .redirectOutput(output)
                .start();
    }

    private String run(int expectedCode, String... arguments) throws Exception {
        File output = Files.createTempFile("launcher", ".log").toFile();
        Process process = start(output, arguments);
        assertTrue(process.waitFor(3, TimeUnit.MINUTES));
        String text = Files.readString(output.toPath(), StandardCharsets.UTF_8);
        assertEquals(expectedCode, process.exitValue(), text);
        Files.delete(output.toPath());
        return text;
    }

    @Test
    void drawsAPictureTheSameTwice() throws Exception {
        run(0, "txt2img", "-p", "a green tree on a sunny day", "--steps", "4", "-s", "3", "-o", "one.png");
        run(0, "txt2img", "-p", "a green tree on a sunny day", "--steps", "4", "-s", "3", "-o", "two.png");
        assertArrayEquals(Files.readAllBytes(folder.resolve("one.png")), Files.readAllBytes(folder.resolve("two.png")));
        assertEquals(128, PictureReader.read(folder.resolve("one.png")).width());
    }

    @Test
    void startsInUnderTwoSecondsEvenOnABusyMachine() throws Exception {
        run(0, "--help");
        long begun = System.nanoTime();
        assertTrue(run(0, "--help").contains("txt2img"));
        assertTrue(System.nanoTime() - begun < 2_000_000_000L);
    }

    @Test
    void passesExitCodesOn() throws Exception {
        assertTrue(run(2, "txt2img", "-p", "x", "--steps", "0").contains("darkroom: error: steps is 0"));
    }

    @Test
    void worksThroughALinkInAFolderWithASpace() throws Exception {
        Path link = Files.createDirectory(folder.resolve("a b")).resolve("darkroom");
        Files.createSymbolicLink(link, LAUNCHER);
        Process process = new ProcessBuilder(link.toString(), "--version")
                .redirectErrorStream(true)
                .start();
        assertTrue(new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).contains("Darkroom "));
    }

    @Test
    void anInterruptedRunLeavesNothingBehind() throws Exception {
        File output = Files.createTempFile("launcher", ".log").toFile();
        Process process = start(output, "txt2img", "-p", "a castle", "--steps", "900", "-o", "never.png");
        for (int i = 0; i < 600 && !Files.readString(output.toPath()).contains("step 2/"); i++) {
            Thread.sleep(100);
        }
        new ProcessBuilder("kill", "-INT", Long.toString(process.pid())).start().waitFor();
        assertTrue(process.waitFor(1, TimeUnit.MINUTES));
        assertEquals(Failures.INTERRUPTED, process.exitValue());
        assertTrue(Files.readString(output.toPath()).contains("nothing was written"));
        try (Stream<Path> files = Files.list(folder)) {
            assertEquals(List.of(), files.toList());
        }
    }

    @Test
    void aFullDiskIsNamedAndNothingIsLeft() throws Exception {
        Path disk = Files.createDirectory(folder.resolve("disk"));
        Process mount = new ProcessBuilder("mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", disk.toString()).start();
        Assumptions.assumeTrue(mount.waitFor() == 0, "a small disk can be mounted by root only");
        try {
            String text = run(
                    2,
                    "txt2img",
                    "-p",
                    "a cat",
                    "--steps",
                    "2",
                    "-o",
                    disk.resolve("cat.png").toString());
            assertTrue(text.contains("cat.png cannot be written: No space left on device"), text);
            try (Stream<Path> files = Files.list(disk)) {
                assertEquals(List.of(), files.toList());
            }
        } finally {
            new ProcessBuilder("umount", disk.toString()).start().waitFor();
        }
    }
}
