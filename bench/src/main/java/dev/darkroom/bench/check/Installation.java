package dev.darkroom.bench.check;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Where Darkroom lies, and how its programs are started: the portable folder with a Java of its own, or a checkout with the class path of this process.
 *
 * @param root      the folder with tests/reference, models/demo and bench/peers
 * @param java      the program
 * @param classPath what {@code -cp} takes
 * @param tests     what {@code -cp} takes for the contract tests; empty where they are not here
 */
record Installation(Path root, Path java, String classPath, String tests) {
    private static final String CONSOLE = "org.junit.platform.console.ConsoleLauncher";
    private static final String CONTRACTS = "dev.darkroom.tensor.OnEveryDevice";

    /** The installation of this process. @throws IllegalArgumentException when it cannot be found */
    static Installation find() {
        Path root = home();
        Path own = root.resolve("runtime/bin/java");
        Path java = Files.isExecutable(own) ? own : Path.of(System.getProperty("java.home"), "bin", "java");
        String running = System.getProperty("java.class.path");
        String tests = isHere(CONSOLE) && isHere(CONTRACTS) ? running : "";
        if (Files.isDirectory(root.resolve("lib"))) {
            String libraries = root.resolve("lib") + "/*";
            Path testLibraries = root.resolve("tests/lib");
            tests = Files.isDirectory(testLibraries) ? testLibraries + "/*:" + libraries : tests;
            return new Installation(root, java, libraries, tests);
        }
        return new Installation(root, java, running, tests);
    }

    private static Path home() {
        for (String property : List.of("darkroom.home", "darkroom.root")) {
            String folder = System.getProperty(property);
            if (folder != null) {
                return Path.of(folder).toAbsolutePath().normalize();
            }
        }
        for (Path folder = Path.of("").toAbsolutePath(); folder != null; folder = folder.getParent()) {
            if (Files.isDirectory(folder.resolve("kernels")) && Files.isDirectory(folder.resolve("bench"))) {
                return folder;
            }
        }
        throw new IllegalArgumentException(
                "the folder of Darkroom is not known; start bin/gpu-check of the portable folder, or name it: -Ddarkroom.home=FOLDER");
    }

    /** A program of ours. */
    List<String> java(String mainClass, String... arguments) {
        return java(classPath, List.of(), mainClass, arguments);
    }

    /** JUnit's console, on the contract tests. */
    List<String> console(List<String> properties, String... arguments) {
        return java(tests, properties, CONSOLE, arguments);
    }

    private List<String> java(String path, List<String> properties, String mainClass, String... arguments) {
        List<String> command = new ArrayList<>();
        command.add(java.toString());
        command.add("--enable-native-access=ALL-UNNAMED");
        command.add("-Ddarkroom.home=" + root);
        command.add("-Ddarkroom.root=" + root);
        command.addAll(properties);
        Collections.addAll(command, "-cp", path, mainClass);
        Collections.addAll(command, arguments);
        return command;
    }

    /** Whether this process could load a class, which stands for that its children can. */
    static boolean isHere(String className) {
        return Installation.class.getClassLoader().getResource(className.replace('.', '/') + ".class") != null;
    }

    /** What was built: the portable folder's own word, or git's. */
    String commit() {
        Path written = root.resolve("commit");
        try {
            if (Files.isRegularFile(written)) {
                return Files.readString(written).strip();
            }
            return Files.exists(root.resolve(".git")) ? git() : "not known";
        } catch (IOException e) {
            return "not known: " + e;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return "not known: interrupted";
        }
    }

    private String git() throws IOException, InterruptedException {
        Process git = new ProcessBuilder("git", "-C", root.toString(), "describe", "--always", "--dirty", "--abbrev=12")
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        String said = new String(git.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
        return git.waitFor(5, TimeUnit.SECONDS) && git.exitValue() == 0 ? said : "not known: git has no word on " + root;
    }

    /** A program of the machine: where it lies in PATH or in the folders given; null where it is in none. */
    static @Nullable Path program(String name, Path... folders) {
        String path = System.getenv().getOrDefault("PATH", "/usr/local/bin:/usr/bin:/bin");
        return Stream.concat(Stream.of(path.split(":")).filter(part -> !part.isEmpty()).map(Path::of), Stream.of(folders))
                .map(folder -> folder.resolve(name))
                .filter(Files::isExecutable)
                .findFirst()
                .orElse(null);
    }

    /** A command as a shell takes it. */
    static String quoted(List<String> command, Map<String, String> environment) {
        List<String> words = new ArrayList<>();
        environment.forEach((name, value) -> words.add(name + "=" + quoted(value)));
        command.forEach(word -> words.add(quoted(word)));
        return String.join(" ", words);
    }

    private static String quoted(String word) {
        return word.matches("[\\w@%+=:,./-]+") ? word : "'" + word.replace("'", "'\\''") + "'";
    }
}
