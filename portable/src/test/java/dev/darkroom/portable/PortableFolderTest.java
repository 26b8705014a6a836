package dev.darkroom.portable;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.darkroom.cuda.SoftwareCuda;
import dev.darkroom.image.PictureReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.zip.ZipFile;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The folder is copied, since it must not matter where it was made; and it must not be changed, since it may lie on a disk that is read only. */
@DisplayName("The portable folder, copied elsewhere, with an empty environment,")
final class PortableFolderTest {
    @TempDir
    private static Path elsewhere = Path.of("");

    private static Path folder = Path.of("");
    private static Map<String, String> asCopied = Map.of();

    @TempDir
    private Path work = Path.of("");

    @BeforeAll
    static void copy() throws IOException {
        Folder.assumeItWasBuilt();
        folder = elsewhere.resolve("a portable f\u00f6lder");
        Trees.copy(Folder.BUILT, folder);
        asCopied = Folder.listing(folder);
    }

    @AfterEach
    void isAsItWas() throws IOException {
        assertEquals(asCopied, Folder.listing(folder));
    }

    private String run(int expectedCode, String program, String... arguments) throws Exception {
        return run(Map.of(), expectedCode, folder.resolve(program), arguments);
    }

    private String run(Map<String, String> settings, int expectedCode, Path program, String... arguments)
            throws Exception {
        List<String> command = new ArrayList<>(List.of(program.toString()));
        command.addAll(List.of(arguments));
        return Folder.run(work, settings, expectedCode, command);
    }

    @Test
    void drawsAPictureWhenItIsStartedThroughALink() throws Exception {
        Path link = Files.createSymbolicLink(work.resolve("a link"), folder.resolve("bin/darkroom"));
        run(
                Map.of(),
                0,
                link,
                "txt2img",
                "-p",
                "a gr\u00fcn tree",
                "--steps",
                "2",
                "--device",
                "cpu",
                "-o",
                "tr\u00e9e.png");
        assertEquals(128, PictureReader.read(work.resolve("tr\u00e9e.png")).width());
    }

    @Test
    void tellsOfTheMachineByItsOwnJavaAndFindsItsDemoModel() throws Exception {
        String said = run(0, "bin/darkroom", "doctor");
        assertTrue(said.contains(folder.resolve("runtime").toString()), said);
        assertTrue(said.contains(folder.resolve("models/demo") + "\n"), said);
        assertTrue(said.contains("device cpu           ready"), said);
    }

    @Test
    void comparesWithItsReferences() throws Exception {
        String references = folder.resolve("tests/reference").toString();
        run(0, "bin/darkroom", "verify", references, "--group", "text", "--dtype", "f32", "--device", "cpu");
    }

    @Test
    void runsItsTests() throws Exception {
        String said = run(
                Map.of("LC_CTYPE", "C.UTF-8"), // as the launchers set it: Java reads names by it
                0,
                folder.resolve("runtime/bin/java"),
                "-Ddarkroom.root=" + folder,
                "-cp",
                folder + "/tests/lib/*:" + folder + "/lib/*",
                "org.junit.platform.console.ConsoleLauncher",
                "execute",
                "--select-package=dev.darkroom.tensor",
                "--include-classname=.*\\.(ShapeTest|PointwiseContractTest)",
                "--details=summary");
        assertTrue(said.contains(" 0 tests failed "), said);
        assertTrue(said.lines().anyMatch(line -> line.matches("\\[ +[1-9]\\d* tests successful +]")), said);
    }

    /** Over the software device, which stands for a server's GPU. */
    @Test
    void checksAGpu() throws Exception {
        try (ZipFile bench = new ZipFile(folder.resolve("lib/" + benchJar()).toFile())) {
            Assumptions.assumeTrue(
                    bench.getEntry("dev/darkroom/bench/check/GpuCheck.class") != null, "this build has no gpu-check");
        }
        Assumptions.assumeTrue(SoftwareCuda.build(), SoftwareCuda.NEEDS);
        Path driver = Folder.ROOT.resolve("tests/softcuda/build");
        Path out = work.resolve("checked");
        run(
                Map.of("DARKROOM_CUDA_DRIVER", driver.toString()),
                0,
                folder.resolve("bin/gpu-check"),
                "--short",
                "--only",
                "verify",
                "--out",
                out.toString());
        String report = Files.readString(out.resolve("report.md"));
        assertTrue(report.contains("verify"), report);
    }

    private static String benchJar() {
        return "darkroom-bench-"
                + asCopied.keySet().stream()
                        .filter(name -> name.startsWith("lib/darkroom-engine-"))
                        .findFirst()
                        .orElseThrow()
                        .substring("lib/darkroom-engine-".length());
    }
}
