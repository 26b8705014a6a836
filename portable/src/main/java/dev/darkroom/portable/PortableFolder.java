package dev.darkroom.portable;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** Makes target/portable: a Java runtime, jars, launchers and data, under the names that they have in the repository. */
public final class PortableFolder {
    /** What is copied as it is. */
    private static final List<String> COPIED = List.of(
            "kernels",
            "models/demo",
            "tests/reference",
            "bench/peers",
            "bench/records",
            "bench/compare_torch.py",
            "LICENSE",
            "NOTICE");

    private final Path root;
    private final Path folder;

    private PortableFolder(Path root, Path folder) {
        this.root = root;
        this.folder = folder;
    }

    /** @param arguments the repository; the folder with jars in lib and tests; the version */
    public static void main(String[] arguments) throws IOException, InterruptedException {
        String machine = System.getProperty("os.name") + " on " + System.getProperty("os.arch");
        if (!machine.equals("Linux on amd64")) {
            throw new IllegalStateException(
                    "the portable folder is for Linux on x86-64 and must be made there; this is " + machine);
        }
        Path root = Path.of(arguments[0]).toRealPath();
        Path finished = root.resolve("target/portable");
        Path part = root.resolve("target/portable.part");
        Files.createDirectories(finished.getParent());
        Trees.delete(part);
        try {
            new PortableFolder(root, part).make(Path.of(arguments[1]), arguments[2]);
            Trees.delete(finished);
            Files.move(part, finished);
        } finally {
            Trees.delete(part);
        }
        Trees.delete(Path.of(arguments[1])); // or those of another version would be packed the next time as well
        System.out.println("The portable folder is " + finished);
    }

    private void make(Path jars, String version) throws IOException, InterruptedException {
        Files.createDirectory(folder);
        JavaRuntime.link(folder.resolve("runtime"));
        pack(jars.resolve("lib"), folder.resolve("lib"));
        pack(jars.resolve("tests"), folder.resolve("tests/lib"));
        for (String name : COPIED) {
            Trees.copy(root.resolve(name), folder.resolve(name));
        }
        Trees.copy(root.resolve("docs/portable.md"), folder.resolve("README.md"));
        Path launchers = root.resolve("portable/src/main/launchers");
        Trees.copy(launchers.resolve("start.sh"), folder.resolve("lib/start.sh"));
        for (String name : List.of("darkroom", "gpu-check")) {
            Path launcher = folder.resolve("bin").resolve(name);
            Trees.copy(launchers.resolve(name), launcher);
            Files.setPosixFilePermissions(launcher, PosixFilePermissions.fromString("rwxr-xr-x"));
        }
        Files.writeString(folder.resolve("version"), version + "\n");
        Files.writeString(folder.resolve("commit"), commit() + "\n");
    }

    private static void pack(Path jars, Path target) throws IOException {
        Files.createDirectories(target);
        try (Stream<Path> files = Files.list(jars)) {
            for (Path jar : files.sorted().toList()) {
                SlimJar.write(jar, target.resolve(jar.getFileName()));
            }
        }
    }

    /** What git calls the sources; sources without git, or a machine without it, have no such name. */
    private String commit() throws InterruptedException {
        try {
            Process git = new ProcessBuilder("git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*")
                    .directory(root.toFile())
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
            String name = new String(git.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
            return git.waitFor(1, TimeUnit.MINUTES) && git.exitValue() == 0
                    ? name
                    : "not known: these sources are not in git";
        } catch (IOException e) {
            return "not known: " + e.getMessage();
        }
    }
}
