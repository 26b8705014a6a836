package dev.darkroom.cuda.bind;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Where the libraries of CUDA lie on this machine. */
public final class CudaLibraries {
    /** Names a folder that is searched before all others; also where a software device lies. */
    public static final String DRIVER_SETTING = "DARKROOM_CUDA_DRIVER";

    private static final String DRIVER = "libcuda.so.1";
    private static final List<String> NVRTC = List.of("libnvrtc.so.13", "libnvrtc.so.12");
    private static final List<String> LOADER_FOLDERS = List.of(
            "/usr/lib/x86_64-linux-gnu",
            "/usr/lib64",
            "/usr/lib",
            "/lib/x86_64-linux-gnu",
            "/usr/local/nvidia/lib64",
            "/usr/local/lib",
            "/usr/lib/wsl/lib");

    private final List<Path> folders;

    private CudaLibraries(List<Path> folders) {
        this.folders = folders;
    }

    /** The libraries of this machine, in the order in which they are preferred. */
    public static CudaLibraries ofThisMachine() {
        Set<Path> folders = new LinkedHashSet<>();
        add(folders, System.getenv(DRIVER_SETTING), "");
        add(folders, System.getenv("CUDA_HOME"), "lib64");
        add(folders, System.getenv("CUDA_PATH"), "lib64");
        toolkits().forEach(toolkit -> folders.add(toolkit.resolve("lib64")));
        String loaderPath = System.getenv("LD_LIBRARY_PATH");
        if (loaderPath != null) {
            for (String folder : loaderPath.split(":", -1)) {
                add(folders, folder.isEmpty() ? null : folder, "");
            }
        }
        LOADER_FOLDERS.forEach(folder -> folders.add(Path.of(folder)));
        return new CudaLibraries(List.copyOf(folders));
    }

    private static void add(Set<Path> folders, @Nullable String root, String inner) {
        if (root != null) {
            folders.add(Path.of(root).resolve(inner));
        }
    }

    private static List<Path> toolkits() {
        try (Stream<Path> entries = Files.list(Path.of("/usr/local"))) {
            return entries.filter(entry -> entry.getFileName().toString().startsWith("cuda"))
                    .sorted()
                    .toList();
        } catch (IOException e) {
            return List.of(); // there is no such folder
        }
    }

    /** The driver's library. */
    Path driver() {
        return find(DRIVER)
                .orElseThrow(() -> new CudaUnavailableException(
                        "no NVIDIA driver was found",
                        DRIVER + " is in none of " + folders + "; install the driver, or name its folder in "
                                + DRIVER_SETTING + "; --device cpu needs none"));
    }

    /** The runtime compiler, of the newest version that the first folder with one has: it belongs to that folder's driver. */
    Optional<Path> nvrtc() {
        return folders.stream()
                .flatMap(folder -> NVRTC.stream().map(folder::resolve))
                .filter(Files::isRegularFile)
                .findFirst();
    }

    /** What the runtime compiler needs beside it, to be loaded before it. */
    List<Path> builtinsOf(Path nvrtc) throws IOException {
        List<Path> found = new ArrayList<>();
        try (var entries = Files.newDirectoryStream(nvrtc.resolveSibling(""), "libnvrtc-builtins.so*")) {
            entries.forEach(found::add);
        }
        return found;
    }

    private Optional<Path> find(String name) {
        return folders.stream()
                .map(folder -> folder.resolve(name))
                .filter(Files::isRegularFile)
                .findFirst();
    }
}
