package dev.darkroom.cuda.bind;

import dev.darkroom.cuda.bind.LibraryFinding.Found;
import dev.darkroom.cuda.bind.LibraryFinding.Missing;
import dev.darkroom.cuda.bind.LibraryFinding.Place;
import dev.darkroom.cuda.bind.LibraryFinding.Rejected;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.stream.Collectors;

/** Finds the libraries of CUDA on a machine, each on its own. Finding reads folders only; nothing is loaded. */
public final class CudaLibraries {
    private final List<Place> places;

    private CudaLibraries(List<Place> places) {
        this.places = places;
    }

    /**
     * Those of this machine.
     *
     * @throws CudaUnavailableException when DARKROOM_CUDA_DRIVER or DARKROOM_CUDA_HOME names a folder that does not exist
     */
    public static CudaLibraries ofThisMachine() {
        return of(Machine.ofThisProcess());
    }

    /** Those in jars on the class path, such as a build is given. */
    static CudaLibraries ofClassPath() {
        return new CudaLibraries(LibraryJars.of(CudaLibraries.class.getClassLoader()));
    }

    static CudaLibraries of(Machine machine) {
        return new CudaLibraries(SearchPath.of(machine));
    }

    /** The driver. */
    public LibraryFinding driver() {
        return find(CudaLibrary.DRIVER, OptionalInt.empty());
    }

    /** Where libraries are looked for, the preferred place first. */
    public List<Place> places() {
        return places;
    }

    /**
     * A library, of the newest version that the first place with one has.
     *
     * @param driver the version of CUDA that the driver is made for, as it tells it (12060); where it is known, libraries of a newer major version
     *               are passed over: what NVRTC 13 compiles runs on drivers for CUDA 13 (580) and newer, while within a major version any
     *               minor one serves
     */
    public LibraryFinding find(CudaLibrary library, OptionalInt driver) {
        for (Place place : places) {
            for (int major : library.majors()) {
                Path file = place.folder().resolve(library.file(major));
                if (Files.isRegularFile(file)
                        && reasonAgainst(library, file, major, driver).isEmpty()) {
                    return new Found(library, file, major, place);
                }
            }
        }
        return new Missing(library, places, rejected(library, driver));
    }

    /** The files of a library that cannot be used, each with the reason; a file that has many names counts once. */
    private List<Rejected> rejected(CudaLibrary library, OptionalInt driver) {
        Map<Path, Rejected> rejected = new LinkedHashMap<>();
        for (Place place : places) {
            for (Path file : Folders.entries(place.folder(), library.stem() + ".*")) {
                OptionalInt major = library.majorOf(file);
                if (major.isPresent() && Files.isRegularFile(file)) {
                    String reason = reasonAgainst(library, file, major.getAsInt(), driver);
                    rejected.putIfAbsent(Folders.real(file), new Rejected(file, reason));
                }
            }
        }
        return List.copyOf(rejected.values());
    }

    /** Why a file cannot be used; empty where it can. */
    private static String reasonAgainst(CudaLibrary library, Path file, int major, OptionalInt driver) {
        if (!library.majors().contains(major)) {
            return "is of version " + major + ", needed is "
                    + library.majors().stream().map(String::valueOf).collect(Collectors.joining(" or "));
        }
        if (library.followsCuda() && driver.isPresent() && major > driver.getAsInt() / 1000) {
            return "needs a driver for CUDA " + CudaVersion.text(1000 * major) + " or newer ("
                    + CudaVersion.oldestDriver(major) + "), the one here is for CUDA "
                    + CudaVersion.text(driver.getAsInt());
        }
        List<String> absent = library.neededBeside(major).stream()
                .filter(name -> !Files.isRegularFile(file.resolveSibling(name)))
                .toList();
        if (!absent.isEmpty()) {
            return "lacks " + String.join(", ", absent) + " beside it";
        }
        boolean named = file.endsWith(library.file(major));
        return named ? "" : "lacks the link " + library.file(major) + " to it";
    }
}
