package dev.darkroom.cuda.bind;

import java.io.IOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/** A machine that lies in a folder: its files are empty, its variables are what a test says. */
final class FakeMachine {
    private final Path root;
    private final Map<String, String> settings = new HashMap<>();
    private ClassLoader classes = new URLClassLoader(new URL[0], null);

    FakeMachine(Path root) {
        this.root = root;
    }

    /** Where an absolute path of the machine lies. */
    Path at(String absolute) {
        return root.resolve(absolute.substring(1));
    }

    /** Makes an empty file. */
    FakeMachine with(String absolute) throws IOException {
        return with(absolute, "");
    }

    FakeMachine with(String absolute, String text) throws IOException {
        Files.createDirectories(at(absolute).resolveSibling(""));
        Files.writeString(at(absolute), text);
        return this;
    }

    /** Sets a variable to paths of this machine, separated by colons. */
    FakeMachine set(String variable, String... absolute) {
        StringBuilder value = new StringBuilder();
        for (String path : absolute) {
            value.append(value.length() == 0 ? "" : ":").append(at(path));
        }
        settings.put(variable, value.toString());
        return this;
    }

    /** Puts a jar with these entries on the class path. */
    FakeMachine withJar(String absolute, String... entries) throws IOException {
        Files.createDirectories(at(absolute).resolveSibling(""));
        try (ZipOutputStream jar = new ZipOutputStream(Files.newOutputStream(at(absolute)))) {
            for (String entry : entries) {
                jar.putNextEntry(new ZipEntry(entry));
            }
        }
        classes = new URLClassLoader(new URL[] {at(absolute).toUri().toURL()}, null);
        return this;
    }

    CudaLibraries libraries() {
        return CudaLibraries.of(new Machine(root, settings, at("/home/user"), at("/project"), classes));
    }
}
