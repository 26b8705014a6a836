package dev.darkroom.cuda;

import dev.darkroom.cuda.ServingTable.Measured;
import dev.darkroom.cuda.bind.CudaLibrary;
import dev.darkroom.cuda.bind.CudaUnavailableException;
import dev.darkroom.cuda.bind.LibraryBinding;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Where the {@link ServingTable} of a GPU comes from: the file that {@code DARKROOM_SERVING_TABLE} names, else the one that
 * {@code darkroom bench --tune} has written for this GPU to the user's cache folder, else the one that is shipped for this GPU, which was measured by
 * us, else the one for every GPU, which leaves all to rules of thumb.
 *
 * <p>A file that cannot be read, or that was measured with another GPU or other versions of the libraries, is warned of and the built-in table taken
 * in its place.
 */
final class ServingTables {
    static final String SETTING = "DARKROOM_SERVING_TABLE";

    private static final System.Logger LOGGER = System.getLogger(ServingTables.class.getName());
    private static final String BUILT_IN = "serving.txt";

    private ServingTables() {}

    /**
     * The table for a GPU.
     *
     * @param libraries cuBLAS and cuDNN as they are bound
     * @throws CudaUnavailableException when the setting names no file
     */
    static ServingTable of(GpuProperties gpu, Function<CudaLibrary, LibraryBinding> libraries) {
        String configured = System.getProperty("darkroom.serving.table", System.getenv(SETTING));
        if (configured != null && !configured.isEmpty()) {
            Path file = Path.of(configured);
            if (!Files.isRegularFile(file)) {
                throw new CudaUnavailableException(
                        SETTING + " is wrong",
                        file + " is no file; correct it, or unset it to use what bench --tune has written");
            }
            return read(file, gpu, libraries);
        }
        Path file = fileOf(gpu);
        return Files.exists(file) ? read(file, gpu, libraries) : shipped(gpu, libraries);
    }

    /** Where the table of a GPU is kept for this user. */
    static Path fileOf(GpuProperties gpu) {
        return UserCache.folder().resolve("serving").resolve(spelled(gpu) + ".txt");
    }

    private static String spelled(GpuProperties gpu) {
        return gpu.name().toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9]+", "-");
    }

    /** The table that is shipped for a GPU, or the built-in one, with a line in the log where a shipped one does not hold here. */
    static ServingTable shipped(GpuProperties gpu, Function<CudaLibrary, LibraryBinding> libraries) {
        String name = "serving/" + spelled(gpu) + ".txt";
        if (ServingTables.class.getResource(name) == null) {
            return builtIn();
        }
        ServingTable table = resource(name);
        String problem = staleness(table, gpu, libraries);
        if (problem.isEmpty()) {
            return table;
        }
        LOGGER.log(
                System.Logger.Level.INFO, "{0}; rules of thumb serve instead. Run \"darkroom bench --tune\"", problem);
        return builtIn();
    }

    /** The table in a file, or the built-in one with a warning that names file and line. */
    static ServingTable read(Path file, GpuProperties gpu, Function<CudaLibrary, LibraryBinding> libraries) {
        String problem;
        try {
            ServingTable table = ServingTableFormat.parse(file.toString(), Files.readString(file));
            problem = staleness(table, gpu, libraries);
            if (problem.isEmpty()) {
                return table;
            }
        } catch (IllegalArgumentException e) {
            problem = String.valueOf(e.getMessage());
        } catch (IOException e) {
            problem = file + " cannot be read: " + e;
        }
        LOGGER.log(
                System.Logger.Level.WARNING,
                "{0}; the built-in table serves instead. Correct or delete the file, or run \"darkroom bench --tune\"",
                problem);
        return builtIn();
    }

    /** Writes what was measured to a file, or for null to the one of this GPU in the cache folder; returns which. */
    static Path write(
            @Nullable Path file,
            GpuProperties gpu,
            Function<CudaLibrary, LibraryBinding> libraries,
            List<ProductTuner.Finding> findings) {
        Path target = file == null ? fileOf(gpu) : file;
        String comment = "Which kernels serve which products of one image; written by \"darkroom bench --tune\".\n"
                + "The first line that fits decides, and where none does our own kernels serve.";
        String text = ServingTableFormat.write(comment, present(gpu, libraries), findings);
        try {
            UserCache.write(target, text.getBytes(StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw new UncheckedIOException("the table " + target + " cannot be written", e);
        }
        return target;
    }

    static ServingTable builtIn() {
        return resource(BUILT_IN);
    }

    private static ServingTable resource(String name) {
        try (InputStream in = ServingTables.class.getResourceAsStream(name)) {
            if (in == null) {
                throw new IllegalStateException("the built-in " + name + " is not on the class path");
            }
            return ServingTableFormat.parse(
                    "the built-in " + name, new String(in.readAllBytes(), StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw new UncheckedIOException("the built-in " + name + " cannot be read", e);
        }
    }

    /** What a table must have been measured with to hold here: the GPU, and the versions of the libraries that are there. */
    static Map<String, String> present(GpuProperties gpu, Function<CudaLibrary, LibraryBinding> libraries) {
        Map<String, String> present = new LinkedHashMap<>();
        present.put("gpu", gpu.name());
        libraries.apply(CudaLibrary.CUBLAS).version().ifPresent(version -> present.put("cublas", version));
        libraries.apply(CudaLibrary.CUDNN).version().ifPresent(version -> present.put("cudnn", version));
        return present;
    }

    /** Why a table does not hold here; empty where it does. */
    private static String staleness(
            ServingTable table, GpuProperties gpu, Function<CudaLibrary, LibraryBinding> libraries) {
        if (table.measured().isEmpty()) {
            return "";
        }
        Map<String, String> present = present(gpu, libraries);
        for (Map.Entry<String, Measured> entry : table.measured().entrySet()) {
            Measured measured = entry.getValue();
            @Nullable String here = present.get(entry.getKey());
            if (!measured.value().equals(here)) {
                return table.at(measured.number()) + ": measured with " + entry.getKey() + " " + measured.value()
                        + ", here is " + (here == null ? "none" : here);
            }
        }
        return "";
    }
}
