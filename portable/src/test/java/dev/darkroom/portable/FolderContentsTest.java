package dev.darkroom.portable;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.regex.Pattern;
import java.util.spi.ToolProvider;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** What is in the portable folder, and what is not. */
final class FolderContentsTest {
    private static final Pattern NATIVE = Pattern.compile(".*\\.(so(\\.\\d+)*|dll|dylib|jnilib)");
    private static final int ELF_MACHINE = 18; // offset of the field in an ELF header
    private static final int X86_64 = 62;

    @BeforeAll
    static void theFolderWasBuilt() {
        Folder.assumeItWasBuilt();
    }

    private static List<Path> jars(String folder) throws IOException {
        try (Stream<Path> files = Files.list(Folder.BUILT.resolve(folder))) {
            return files.filter(file -> file.toString().endsWith(".jar"))
                    .sorted()
                    .toList();
        }
    }

    @Test
    void nativesAreForLinuxOnX86() throws IOException {
        int natives = 0;
        for (Path jar : jars("lib")) {
            try (ZipFile zip = new ZipFile(jar.toFile())) {
                for (ZipEntry entry : Collections.list(zip.entries())) {
                    if (NATIVE.matcher(entry.getName()).matches()) {
                        byte[] head = zip.getInputStream(entry).readNBytes(ELF_MACHINE + 1);
                        assertEquals(0x7f, head[0], jar + " " + entry);
                        assertEquals(X86_64, head[ELF_MACHINE], jar + " " + entry);
                        natives++;
                    }
                }
            }
        }
        assertTrue(
                natives >= 12,
                natives + " natives"); // three of oneDNN, two of OpenCL, one of JavaCPP, two of LWJGL, six of JCuda
    }

    @Test
    void jarsAreNotCompressedSoThatTheArchiveCanDoItBetter() throws IOException {
        for (String folder : List.of("lib", "tests/lib")) {
            for (Path jar : jars(folder)) {
                try (ZipFile zip = new ZipFile(jar.toFile())) {
                    zip.stream().forEach(entry -> assertEquals(ZipEntry.STORED, entry.getMethod(), jar + " " + entry));
                }
            }
        }
    }

    @Test
    void theRuntimeHasTheModulesThatJdepsFinds() throws IOException {
        List<String> command = new ArrayList<>(List.of("--multi-release", "17", "--ignore-missing-deps"));
        command.add("--print-module-deps");
        jars("lib").stream()
                .filter(jar -> jar.getFileName().toString().startsWith("darkroom-"))
                .forEach(jar -> command.add(jar.toString()));
        StringWriter said = new StringWriter();
        PrintWriter writer = new PrintWriter(said);
        ToolProvider.findFirst("jdeps").orElseThrow().run(writer, writer, command.toArray(String[]::new));
        List<String> needed = List.of(said.toString().strip().split(","));
        assertTrue(needed.contains("java.base"), said.toString());
        assertTrue(
                JavaRuntime.MODULES.containsAll(needed),
                () -> "the runtime has " + JavaRuntime.MODULES + ", needed are " + needed);
    }

    @Test
    void whatNobodyLoadsIsLeftOut() throws IOException {
        for (Path jar : jars("lib")) {
            try (ZipFile zip = new ZipFile(jar.toFile())) {
                zip.stream()
                        .forEach(
                                entry -> assertFalse(entry.getName().contains("libJNvPTXCompiler"), jar + " " + entry));
            }
        }
    }

    @Test
    void versionAndCommitAreWrittenDown() throws IOException {
        for (String name : List.of("version", "commit")) {
            assertFalse(Files.readString(Folder.BUILT.resolve(name)).isBlank(), name);
        }
    }
}
