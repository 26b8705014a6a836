package dev.darkroom.cuda.bind;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** A function that is called and not looked up before would end the process where a library lacks it. */
@DisplayName("The functions that are looked up are those that are called")
class CalledFunctionsTest {
    private static final Path SOURCES = Path.of(
            System.getProperty("darkroom.root"), "java", "engine", "src", "main", "java", "dev", "darkroom", "cuda");
    /** Called by JCuda itself, which asks how long the log is. */
    private static final Set<String> BY_JCUDA = Set.of("nvrtcGetProgramLogSize");

    /** What the names of JCuda's methods lack of those of the libraries, or have more. */
    private static final Pattern SUFFIX = Pattern.compile("(?:_v2|_new|WithFlags)$");

    static Stream<Arguments> libraries() {
        return Stream.of(
                Arguments.of("JCudaDriver", "cu[A-Z]", CalledFunctions.DRIVER),
                Arguments.of("JNvrtc", "nvrtc", CalledFunctions.NVRTC),
                Arguments.of("JCublas2", "cublas", CalledFunctions.CUBLAS),
                Arguments.of("JCudnn", "cudnn", CalledFunctions.CUDNN));
    }

    @ParameterizedTest(name = "through {0}")
    @MethodSource("libraries")
    void inEverySource(String binding, String prefix, List<String> lookedUp) throws IOException {
        Pattern call = Pattern.compile("\\b" + binding + "\\s*\\.(" + prefix + "\\w+)\\(");
        Set<String> called = new TreeSet<>();
        try (Stream<Path> files = Files.walk(SOURCES)) {
            for (Path file :
                    files.filter(each -> each.toString().endsWith(".java")).toList()) {
                call.matcher(Files.readString(file)).results().forEach(found -> called.add(bare(found.group(1))));
            }
        }
        assertEquals(
                called,
                lookedUp.stream()
                        .map(CalledFunctionsTest::bare)
                        .filter(name -> !BY_JCUDA.contains(name))
                        .collect(Collectors.toCollection(TreeSet::new)));
    }

    /** The name without what marks a later form of a function. */
    private static String bare(String name) {
        return SUFFIX.matcher(name).replaceFirst("");
    }
}
