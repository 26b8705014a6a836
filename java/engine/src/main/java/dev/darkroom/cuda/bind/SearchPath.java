package dev.darkroom.cuda.bind;

import dev.darkroom.cuda.bind.LibraryFinding.Place;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The folders in which the libraries of CUDA are looked for, in this order.
 *
 * <ol>
 *   <li>{@code DARKROOM_CUDA_DRIVER}: a driver and what goes with it. Where it is set, nothing but it and the next is searched, so that a software
 *       device never meets a library that is made for GPUs.
 *   <li>{@code DARKROOM_CUDA_HOME}: the folder itself, its lib64 and lib.
 *   <li>{@code CUDA_HOME} and {@code CUDA_PATH}: their lib64 and lib.
 *   <li>/usr/local/cuda and /usr/local/cuda-*, the newest first.
 *   <li>The loader's: {@code LD_LIBRARY_PATH}, /etc/ld.so.conf with what it includes, the folders that need no naming.
 *   <li>Python's packages ({@link PythonPackages}).
 *   <li>Jars on the class path that carry them, such as org.bytedeco:cuda-redist ({@link LibraryJars}).
 * </ol>
 */
final class SearchPath {
    static final String DRIVER_SETTING = "DARKROOM_CUDA_DRIVER";
    static final String HOME_SETTING = "DARKROOM_CUDA_HOME";

    private static final Pattern TOOLKIT = Pattern.compile("cuda(?:-(\\d{1,4})(?:\\.(\\d{1,4}))?)?");
    private static final List<String> LOADER_FOLDERS = List.of(
            "/lib/x86_64-linux-gnu",
            "/usr/lib/x86_64-linux-gnu",
            "/lib64",
            "/usr/lib64",
            "/usr/lib",
            "/usr/local/lib",
            "/usr/local/nvidia/lib64", // where containers mount the driver
            "/usr/lib/wsl/lib");

    private final Machine machine;
    private final Map<Path, Place> places = new LinkedHashMap<>();

    private SearchPath(Machine machine) {
        this.machine = machine;
    }

    /**
     * The folders of a machine that exist.
     *
     * @throws CudaUnavailableException when a setting of our own names a folder that does not exist
     */
    static List<Place> of(Machine machine) {
        SearchPath path = new SearchPath(machine);
        path.addOwnSettings();
        if (machine.setting(DRIVER_SETTING) == null) {
            path.addToolkits();
            path.addLoaderFolders();
            PythonPackages.of(machine).forEach(path::add);
            LibraryJars.of(machine.classes()).forEach(path::add);
        }
        return List.copyOf(path.places.values());
    }

    private void addOwnSettings() {
        for (String variable : List.of(DRIVER_SETTING, HOME_SETTING)) {
            String value = machine.setting(variable);
            if (value != null) {
                Path folder = Path.of(value);
                if (!Files.isDirectory(folder)) {
                    throw new CudaUnavailableException(
                            variable + " is wrong",
                            folder + " is no folder; correct it, or unset it to search the usual places");
                }
                add(folder, variable);
                addLibFolders(folder, variable);
            }
        }
    }

    private void addToolkits() {
        for (String variable : List.of("CUDA_HOME", "CUDA_PATH")) {
            String value = machine.setting(variable);
            if (value != null) {
                addLibFolders(Path.of(value), variable);
            }
        }
        Folders.entries(machine.at("/usr/local"), "cuda*").stream()
                .filter(folder ->
                        TOOLKIT.matcher(folder.getFileName().toString()).matches())
                .sorted(Comparator.comparingInt(SearchPath::toolkitVersion).reversed())
                .forEach(folder -> addLibFolders(folder, "/usr/local/cuda*"));
    }

    /** The number by which toolkits are compared: the one without a number is the one that the machine's owner chose. */
    private static int toolkitVersion(Path folder) {
        Matcher name = TOOLKIT.matcher(folder.getFileName().toString());
        if (!name.matches() || name.group(1) == null) {
            return Integer.MAX_VALUE;
        }
        int minor = name.group(2) == null ? 0 : Integer.parseInt(name.group(2));
        return 10_000 * Integer.parseInt(name.group(1)) + minor;
    }

    private void addLoaderFolders() {
        String configured = machine.setting("LD_LIBRARY_PATH");
        if (configured != null) {
            for (String folder : configured.split("[:;]", -1)) {
                if (!folder.isEmpty()) {
                    add(Path.of(folder), "LD_LIBRARY_PATH");
                }
            }
        }
        List<Path> files = new ArrayList<>(List.of(machine.at("/etc/ld.so.conf")));
        for (int i = 0; i < files.size(); i++) {
            readLoaderConfiguration(files.get(i), files);
        }
        LOADER_FOLDERS.forEach(folder -> add(machine.at(folder), "loader"));
    }

    /** Adds the folders that a file of the loader's configuration names, and to {@code files} the files that it includes. */
    private void readLoaderConfiguration(Path file, List<Path> files) {
        if (!Files.isReadable(file)) {
            return;
        }
        List<String> lines;
        try {
            lines = Files.readAllLines(file);
        } catch (IOException e) {
            throw new CudaUnavailableException(file + " cannot be read", String.valueOf(e.getMessage()), e);
        }
        for (String line : lines) {
            String text = line.replaceFirst("#.*", "").strip();
            if (text.startsWith("include ")) {
                String pattern = text.substring("include ".length()).strip();
                Path target = pattern.startsWith("/") ? machine.at(pattern) : file.resolveSibling(pattern);
                Folders.entries(target.resolveSibling(""), target.getFileName().toString()).stream()
                        .filter(included -> !files.contains(included))
                        .forEach(files::add);
            } else if (text.startsWith("/")) {
                add(machine.at(text), "/etc/ld.so.conf");
            }
        }
    }

    private void addLibFolders(Path toolkit, String origin) {
        add(toolkit.resolve("lib64"), origin);
        add(toolkit.resolve("lib"), origin);
    }

    private void add(Path folder, String origin) {
        add(new Place(folder, origin));
    }

    private void add(Place place) {
        if (Files.isDirectory(place.folder())) {
            places.putIfAbsent(Folders.real(place.folder()), place);
        }
    }
}
