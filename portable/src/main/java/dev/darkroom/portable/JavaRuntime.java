package dev.darkroom.portable;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.spi.ToolProvider;

/** Links a Java runtime of the modules that Darkroom, its benches and its tests need, from the JDK that runs the build. */
final class JavaRuntime {
    /**
     * What jdeps finds in our jars and their libraries, and jdk.zipfs, by which JUnit looks for tests in jars. Libraries use java.xml, java.sql and
     * java.desktop only where they are present.
     */
    static final List<String> MODULES =
            List.of("java.base", "java.logging", "java.management", "jdk.management", "jdk.unsupported", "jdk.zipfs");

    private static final int LINKS_WITHOUT_JMODS = 24; // JEP 493, in JDKs that were built so

    private JavaRuntime() {}

    /** Writes a runtime to {@code folder}, which must not exist. Its modules are not compressed: the archive's own compression does better. */
    static void link(Path folder) {
        Path home = Path.of(System.getProperty("java.home"));
        String remedy = "; making the portable folder takes a whole JDK: apt-get install openjdk-17-jdk-headless,"
                + " or set JAVA_HOME to another one";
        ToolProvider jlink = ToolProvider.findFirst("jlink")
                .orElseThrow(() -> new IllegalStateException("the Java in " + home + " has no jlink" + remedy));
        if (Runtime.version().feature() < LINKS_WITHOUT_JMODS && !Files.isDirectory(home.resolve("jmods"))) {
            throw new IllegalStateException("the Java in " + home + " has no folder jmods" + remedy);
        }
        StringWriter said = new StringWriter();
        PrintWriter writer = new PrintWriter(said);
        int code = jlink.run(
                writer,
                writer,
                "--add-modules",
                String.join(",", MODULES),
                "--strip-debug",
                "--no-header-files",
                "--no-man-pages",
                "--output",
                folder.toString());
        if (code != 0) {
            throw new IllegalStateException("jlink of " + home + " failed with code " + code + ": "
                    + said.toString().strip() + remedy);
        }
    }
}
