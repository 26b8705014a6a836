package dev.darkroom.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

@DisplayName("The sources of the kernels")
class KernelSourcesTest {
    private static final Path ROOT = Path.of(System.getProperty("darkroom.root"));
    private static final Path KERNELS = ROOT.resolve("kernels");
    private static final Path LAUNCHERS = ROOT.resolve("java/engine/src/main/java/dev/darkroom/cuda");

    private static final List<String> CONTRACT =
            List.of("Source", "Java", "Shapes", "Needs", "Numerics", "Schedule", "Cost");

    /** A function of ptx.cuh: what stands before its body, template included. */
    private static final Pattern FUNCTION =
            Pattern.compile("^((?:template <.*>\n)?DEVICE [^;{]*\\))\\s*[;{]", Pattern.MULTILINE);

    private static final Pattern KERNEL =
            Pattern.compile("extern \"C\" __global__ void(?: __launch_bounds__\\([^)]*\\))?\\s+(\\w+)\\(");

    @Test
    void eachBeginsWithItsContract() throws IOException {
        for (Path file : sources(".cu")) {
            String head = head(Files.readString(file));
            assertTrue(head.matches("(?s)// \\S.*\n//   \\S.* = .*"), file + " says what it is, then its formula");
            int at = 0;
            for (String section : CONTRACT) {
                int next = head.indexOf("\n// " + section + " ");
                assertTrue(next >= at, file + ": its head has " + CONTRACT + " in this order; see " + section);
                at = next;
            }
        }
    }

    @Test
    void eachKernelIsLaunchedByTheClassThatItsContractNames() throws IOException {
        for (Path file : sources(".cu")) {
            String source = Files.readString(file);
            Matcher name = Pattern.compile("\n// Java +(\\w+)\n").matcher(head(source));
            assertTrue(name.find(), file + " names one Java class");
            String launcher = Files.readString(LAUNCHERS.resolve(name.group(1) + ".java"));
            assertTrue(launcher.contains('"' + String.valueOf(file.getFileName()) + '"'), name.group(1) + ": " + file);
            Matcher kernel = KERNEL.matcher(source);
            int kernels = 0;
            while (kernel.find()) {
                kernels++;
                assertTrue(launcher.contains('"' + kernel.group(1) + '"'), file + ": " + kernel.group(1));
            }
            assertEquals(source.split("__global__", -1).length - 1, kernels, file + ": kernels that are understood");
        }
    }

    @Test
    void eachIsListed() throws IOException {
        String list = Files.readString(KERNELS.resolve("README.md"));
        for (Path file : sources("")) {
            assertTrue(list.contains("`" + file.getFileName() + "`"), file.getFileName() + " in kernels/README.md");
        }
    }

    @Test
    void onlyOneHasAssembly() throws IOException {
        for (Path file : sources("")) {
            boolean hasAssembly =
                    Pattern.compile("\\basm\\b").matcher(Files.readString(file)).find();
            assertEquals(file.endsWith("ptx.cuh"), hasAssembly, file.toString());
        }
    }

    @Test
    void eachFunctionWithAssemblyHasItsTwinOnTheSoftwareDevice() throws IOException {
        Set<String> functions = functions(KERNELS.resolve("ptx.cuh"));
        assertTrue(functions.removeIf(each -> each.contains(" sharedAddress(")), "what the file has for itself");
        assertFalse(functions.isEmpty());
        assertEquals(functions, functions(ROOT.resolve("tests/softcuda/include/twins.h")));
    }

    private static Set<String> functions(Path file) throws IOException {
        Set<String> functions = new TreeSet<>();
        Matcher function = FUNCTION.matcher(Files.readString(file));
        while (function.find()) {
            functions.add(function.group(1).replaceAll("\\s+", " "));
        }
        return functions;
    }

    /** The comment that a file begins with. */
    private static String head(String source) {
        return source.substring(0, source.indexOf("#include"));
    }

    private static List<Path> sources(String ending) throws IOException {
        try (Stream<Path> files = Files.list(KERNELS)) {
            return files.filter(file -> file.toString().endsWith(ending))
                    .filter(file -> !file.endsWith("README.md"))
                    .sorted()
                    .toList();
        }
    }
}
