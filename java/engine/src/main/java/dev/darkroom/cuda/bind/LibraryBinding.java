package dev.darkroom.cuda.bind;

import dev.darkroom.cuda.bind.LibraryFinding.Found;
import dev.darkroom.cuda.bind.LibraryFinding.Missing;
import java.util.Map;
import java.util.Optional;
import jcuda.jcublas.JCublas2;
import jcuda.jcudnn.JCudnn;

/**
 * A library that the engine can do without, bound to JCuda, or why it is not.
 *
 * @param finding where it is; {@link Missing} where there is none, or one that does not work
 * @param version its own word; nothing where it is missing
 */
public record LibraryBinding(LibraryFinding finding, Optional<String> version) {

    /** Loads cuBLAS or cuDNN, if it was found, and binds JCuda to it. */
    static LibraryBinding of(LibraryFinding finding) {
        if (!(finding instanceof Found found)) {
            return new LibraryBinding(finding, Optional.empty());
        }
        try {
            NativeLibrary library = NativeLibrary.load(found);
            bind(library);
            return new LibraryBinding(found, Optional.of(library.version()));
        } catch (CudaUnavailableException | LinkageError e) {
            return new LibraryBinding(found.unusable(String.valueOf(e.getMessage())), Optional.empty());
        }
    }

    private static void bind(NativeLibrary library) {
        Found found = library.found();
        switch (found.library()) {
            case CUBLAS -> {
                library.require(CalledFunctions.CUBLAS);
                JCudaNatives.load(
                        "JCublas2",
                        Map.of(CudaLibrary.CUBLAS.file(12), CudaLibrary.CUBLAS.file(found.major())),
                        () -> JCublas2.setExceptionsEnabled(false));
            }
            case CUDNN -> {
                library.require(CalledFunctions.CUDNN);
                JCudaNatives.load("JCudnn", Map.of(), () -> JCudnn.setExceptionsEnabled(false));
            }
            default -> throw new IllegalArgumentException(found.library() + " is not optional");
        }
    }

    /** Whether its functions can be called. */
    public boolean isBound() {
        return version.isPresent();
    }

    /** What is there, or why nothing is: {@code cuBLAS 12.6.4 at /usr/lib/…}. */
    public String description() {
        return finding instanceof Missing missing
                ? "no " + finding.library().title() + ": " + missing.explanation()
                : finding.library().title() + " " + version.orElseThrow() + " at "
                        + Folders.name(finding.orThrow().path());
    }
}
