package dev.darkroom.portable;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@DisplayName("The launchers, where the folder's Java cannot run,")
final class LaunchersTest {
    private static final String JVM = "runtime/lib/server/libjvm.so";

    @TempDir
    private Path folder = Path.of("");

    @BeforeEach
    void copy() throws IOException {
        Folder.assumeItWasBuilt();
        for (String name : List.of("bin", "lib/start.sh", "runtime")) {
            Trees.copy(Folder.BUILT.resolve(name), folder.resolve(name));
        }
    }

    /** Both launchers refuse in one and the same way. */
    private void assertRefused(Path folder, Map<String, String> settings, String... messages) throws Exception {
        for (String program : List.of("darkroom", "gpu-check")) {
            String launcher = folder.resolve("bin").resolve(program).toString();
            String said = Folder.run(folder, settings, 2, List.of(launcher, "--version"));
            assertTrue(said.startsWith(program + ": "), said);
            for (String message : messages) {
                assertTrue(said.contains(message), said);
            }
        }
    }

    private void replace(String name, String old, String replacement) throws IOException {
        Path file = folder.resolve(name);
        String content = Files.readString(file, StandardCharsets.ISO_8859_1);
        assertTrue(content.contains(old), name + " has no " + old);
        Files.writeString(file, content.replace(old, replacement), StandardCharsets.ISO_8859_1);
    }

    @Test
    void missARuntimeThatIsGone() throws Exception {
        Trees.delete(folder.resolve("runtime"));
        assertRefused(folder, Map.of(), folder + "/runtime/bin/java is missing; unpack the archive anew");
    }

    @Test
    void nameARuntimeThatMayNotBeExecuted() throws Exception {
        Files.setPosixFilePermissions(folder.resolve("runtime/bin/java"), PosixFilePermissions.fromString("rw-r--r--"));
        assertRefused(folder, Map.of(), "cannot be executed", "noexec");
    }

    @Test
    void nameAnotherProcessor() throws Exception {
        Path uname = Files.writeString(
                Files.createDirectory(folder.resolve("programs")).resolve("uname"),
                "#!/bin/sh\n[ \"$1\" = -s ] && echo Linux || echo aarch64\n");
        Files.setPosixFilePermissions(uname, PosixFilePermissions.fromString("rwxr-xr-x"));
        assertRefused(
                folder,
                Map.of("PATH", uname.getParent() + ":/usr/bin:/bin"),
                "is for Linux on x86_64",
                "Linux on aarch64");
    }

    @Test
    void nameACLibraryThatIsNotGlibc() throws Exception {
        replace("lib/start.sh", "loader=/lib64/ld-linux-x86-64.so.2", "loader=/lib64/ld-linux-x86-64.so.9");
        assertRefused(folder, Map.of(), "this system has no /lib64/ld-linux-x86-64.so.9", "musl");
    }

    @Test
    void nameALibraryThatTheSystemLacks() throws Exception {
        replace(JVM, "libstdc++.so.6", "libstdc++.so.9");
        assertRefused(folder, Map.of(), "lacks libraries", "libstdc++.so.9");
        replace(JVM, "libstdc++.so.9", "libstdc++.so.6");
        replace("runtime/lib/libzip.so", "libz.so.1", "libz.so.9");
        assertRefused(folder, Map.of(), "libz.so.9");
    }

    @Test
    void nameAGlibcThatIsTooOld() throws Exception {
        replace(JVM, "GLIBC_2.14", "GLIBC_9.99");
        assertRefused(folder, Map.of(), "too old", "`GLIBC_9.99' not found");
    }

    @Test
    void refuseAPathThatJavaCannotTake() throws Exception {
        Path colon = folder.resolve("a:b");
        for (String name : List.of("bin", "lib", "runtime")) {
            Trees.copy(folder.resolve(name), colon.resolve(name));
        }
        assertRefused(colon, Map.of(), "has a colon");
    }

    @Test
    void thePackerTakesItsOwnOptionOnly() throws Exception {
        String pack = Folder.ROOT.resolve("portable/pack").toString();
        Map<String, String> path = Map.of("PATH", "/usr/bin:/bin");
        String said = Folder.run(folder, path, 2, List.of(pack, "--with-everything"));
        assertEquals("portable/pack: usage: portable/pack [--with-data]; this is not known: --with-everything\n", said);
    }
}
