package dev.darkroom.cuda.bind;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** One that a library lacks would end the process: so each that is called is looked up first. */
@DisplayName("The functions that are looked up before they are called")
final class CalledFunctionsTest {
    private static final Path SOURCES =
            Path.of(System.getProperty("darkroom.root"), "java/engine/src/main/java/dev/darkroom/cuda");
    private static final Set<String> OF_JCUDA_ITSELF =
            Set.of("setExceptionsEnabled", "cuDriverGetVersion", "nvrtcGetErrorString");

    @Test
    void areThoseOfTheDriverThatTheSourcesCall() throws IOException {
        assertEquals(called("JCudaDriver"), withoutVersions(CalledFunctions.DRIVER));
    }

    @Test
    void areThoseOfNvrtcThatTheSourcesCall() throws IOException {
        Set<String> called = called("JNvrtc");
        called.add("nvrtcGetProgramLogSize"); // JCuda calls it for nvrtcGetProgramLog
        assertEquals(called, withoutVersions(CalledFunctions.NVRTC));
    }

    private static Set<String> called(String jcudaClass) throws IOException {
        Pattern call = Pattern.compile("\\b" + jcudaClass + "\\s*\\.\\s*(\\w+)\\(");
        Set<String> names = new TreeSet<>();
        try (Stream<Path> files = Files.walk(SOURCES)) {
            for (Path file : files.filter(path -> path.toString().endsWith(".java")).toList()) {
                Matcher matcher = call.matcher(Files.readString(file));
                while (matcher.find()) {
                    names.add(matcher.group(1));
                }
            }
        }
        names.removeAll(OF_JCUDA_ITSELF);
        return names;
    }

    private static Set<String> withoutVersions(List<String> functions) {
        return functions.stream().map(name -> name.replaceFirst("_v2$", "")).collect(Collectors.toCollection(TreeSet::new));
    }
}
