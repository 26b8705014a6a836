package dev.darkroom.device;

import dev.darkroom.cuda.OfflineCompiler;
import dev.darkroom.cuda.bind.CudaLibraries;
import dev.darkroom.cuda.bind.CudaLibrary;
import dev.darkroom.cuda.bind.CudaRuntime;
import dev.darkroom.cuda.bind.CudaUnavailableException;
import dev.darkroom.cuda.bind.LibraryFinding;
import dev.darkroom.cuda.bind.NativeLibrary;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/**
 * What there is of CUDA on this machine, each part for itself, whether or not a device can be opened.
 *
 * @param libraries the driver, the compiler and the libraries that are used where they are there
 * @param gpus      that the driver sees
 * @param readyMade the version of NVRTC that compiled this build's ready-made kernels; empty where it has none
 * @param problem   why there is no runtime; empty where there is one
 */
public record CudaSurvey(List<Library> libraries, List<Card> gpus, String readyMade, String problem) {

    /**
     * A library.
     *
     * @param title       what people call it
     * @param path        of its file; empty where it is absent or cannot be used
     * @param version     its own word on it, of the driver the CUDA that it is made for; empty where it is absent
     * @param origin      what named the folder: a variable, the loader's configuration, a Python environment, a jar
     * @param explanation of an absent one: the files looked for, where, and the remedy; else empty
     */
    public record Library(String title, String path, String version, String origin, String explanation) {
        public boolean found() {
            return !path.isEmpty();
        }
    }

    /**
     * A GPU.
     *
     * @param name       as {@code --device} takes it
     * @param model      as its maker calls it
     * @param capability compute capability, such as 8.0
     * @param freeBytes  of {@code totalBytes}; 0 where {@code problem} tells why that is not known
     * @param problem    why it cannot be used; empty where it can
     */
    public record Card(String name, String model, String capability, long totalBytes, long freeBytes, String problem) {}

    static CudaSurvey ofThisMachine() {
        String readyMade = OfflineCompiler.readyMadeVersion().orElse("");
        CudaLibraries libraries;
        try {
            libraries = CudaLibraries.ofThisMachine();
        } catch (CudaUnavailableException wrongSetting) {
            return new CudaSurvey(List.of(), List.of(), readyMade, String.valueOf(wrongSetting.getMessage()));
        }
        CudaRuntime runtime = null;
        String problem = "";
        try {
            runtime = CudaRuntime.open();
        } catch (CudaUnavailableException e) {
            problem = String.valueOf(e.getMessage());
        }
        List<Library> found = new ArrayList<>();
        for (CudaLibrary library : CudaLibrary.values()) {
            found.add(examined(finding(library, libraries, runtime)));
        }
        List<Card> gpus = runtime == null
                ? List.of()
                : runtime.gpus().stream()
                        .map(gpu -> new Card(
                                "cuda:" + gpu.ordinal(),
                                gpu.name(),
                                gpu.capabilityText(),
                                gpu.totalBytes(),
                                gpu.freeBytes(),
                                gpu.problem()))
                        .toList();
        return new CudaSurvey(found, gpus, readyMade, problem);
    }

    private static LibraryFinding finding(CudaLibrary library, CudaLibraries libraries, @Nullable CudaRuntime runtime) {
        if (library == CudaLibrary.DRIVER) {
            return libraries.driver();
        }
        if (runtime == null) {
            return libraries.find(library, OptionalInt.empty());
        }
        return library == CudaLibrary.NVRTC ? runtime.nvrtc() : runtime.find(library);
    }

    /** Loads what was found, to ask it for its version. */
    private static Library examined(LibraryFinding finding) {
        String title = finding.library().title();
        if (finding instanceof LibraryFinding.Found found) {
            try {
                String version = NativeLibrary.load(found).version();
                return new Library(title, found.file(), version, found.place().origin(), "");
            } catch (CudaUnavailableException e) {
                return absent(title, found.unusable(String.valueOf(e.getMessage())));
            }
        }
        return absent(title, (LibraryFinding.Missing) finding);
    }

    private static Library absent(String title, LibraryFinding.Missing missing) {
        return new Library(title, "", "", "", missing.explanation());
    }
}
