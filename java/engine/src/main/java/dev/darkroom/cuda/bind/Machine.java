package dev.darkroom.cuda.bind;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What the search for libraries depends on.
 *
 * @param root          what absolute paths begin at; a folder of its own in tests
 * @param settings      environment variables; a system property {@code darkroom.cuda.home} counts as {@code DARKROOM_CUDA_HOME}
 * @param home          of the user
 * @param workingFolder of the process
 * @param classes       whose class path may hold libraries in jars
 */
record Machine(Path root, Map<String, String> settings, Path home, Path workingFolder, ClassLoader classes) {

    static Machine ofThisProcess() {
        Map<String, String> settings = new HashMap<>(System.getenv());
        for (String variable : new String[] {SearchPath.DRIVER_SETTING, SearchPath.HOME_SETTING}) {
            String value = System.getProperty(propertyOf(variable));
            if (value != null) {
                settings.put(variable, value);
            }
        }
        return new Machine(
                Path.of("/"),
                settings,
                Path.of(System.getProperty("user.home")),
                Path.of("").toAbsolutePath(),
                Machine.class.getClassLoader());
    }

    /** The system property that goes before a variable: darkroom.cuda.home before DARKROOM_CUDA_HOME. */
    private static String propertyOf(String variable) {
        return variable.toLowerCase(java.util.Locale.ROOT).replace('_', '.');
    }

    /** A variable's value; null where it is not set or empty. */
    @Nullable
    String setting(String variable) {
        String value = settings.get(variable);
        return value == null || value.isEmpty() ? null : value;
    }

    /** An absolute path of this machine. */
    Path at(String absolute) {
        return root.resolve(absolute.substring(1));
    }
}
