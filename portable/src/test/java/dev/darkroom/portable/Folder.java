package dev.darkroom.portable;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;

/** The portable folder of this build, and its programs as they are started on a server: from anywhere, with an environment that is empty. */
final class Folder {
    static final Path ROOT =
            Path.of(System.getProperty("darkroom.root")).toAbsolutePath().normalize();
    static final Path BUILT = ROOT.resolve("target/portable");

    private Folder() {}

    static void assumeItWasBuilt() {
        Assumptions.assumeTrue(Files.isDirectory(BUILT), () -> BUILT + " is not there; mvn -Pportable verify makes it");
    }

    /** Runs a command in {@code where} with no environment but {@code settings}; what it says, if its exit code is the expected one. */
    static String run(Path where, Map<String, String> settings, int expectedCode, List<String> command)
            throws Exception {
        Path output = Files.createTempFile("portable", ".log");
        ProcessBuilder builder = new ProcessBuilder(command)
                .directory(where.toFile())
                .redirectErrorStream(true)
                .redirectOutput(output.toFile());
        builder.environment().clear();
        builder.environment().putAll(settings);
        Process process = builder.start();
        boolean ended = process.waitFor(3, TimeUnit.MINUTES);
        process.destroyForcibly();
        String said = Files.readString(output, StandardCharsets.UTF_8);
        Files.delete(output);
        assertTrue(ended, () -> "it does not end: " + said);
        assertEquals(expectedCode, process.exitValue(), said);
        return said;
    }

    /** Every file of a folder with its size and the time of its last change. */
    static Map<String, String> listing(Path folder) throws IOException {
        Map<String, String> listing = new TreeMap<>();
        try (Stream<Path> paths = Files.walk(folder)) {
            for (Path path : paths.toList()) {
                listing.put(
                        folder.relativize(path).toString(),
                        Files.size(path) + " " + Files.getLastModifiedTime(path, LinkOption.NOFOLLOW_LINKS));
            }
        }
        return listing;
    }
}
