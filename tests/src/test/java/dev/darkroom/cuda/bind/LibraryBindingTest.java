package dev.darkroom.cuda.bind;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.darkroom.cuda.SoftwareCuda;
import dev.darkroom.cuda.bind.LibraryFinding.Found;
import dev.darkroom.cuda.bind.LibraryFinding.Missing;
import dev.darkroom.cuda.bind.LibraryFinding.Place;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@Tag("software-cuda")
@DisplayName("A library that may be absent is bound")
class LibraryBindingTest {
    @TempDir
    private Path folder = Path.of("");

    @BeforeAll
    static void buildTheDevice() {
        assumeTrue(SoftwareCuda.build(), SoftwareCuda.NEEDS);
    }

    private Found found(CudaLibrary library, Path file) {
        return new Found(library, file, library.majors().get(library.majors().size() - 1), new Place(folder, "test"));
    }

    @ParameterizedTest
    @EnumSource(names = {"CUBLAS", "CUDNN"})
    void whereItIsThere(CudaLibrary library) {
        LibraryBinding binding = CudaRuntime.open().optional(library);
        assertTrue(binding.isBound(), binding.description());
        assertSame(binding, CudaRuntime.open().optional(library));
        assertEquals(
                library == CudaLibrary.CUBLAS ? "12.6.0" : "9.1.0",
                binding.version().orElseThrow());
        assertTrue(binding.description().contains(" at "), binding.description());
    }

    @ParameterizedTest
    @EnumSource(names = {"CUBLAS", "CUDNN"})
    void andSaysSoWhereItIsMissing(CudaLibrary library) {
        LibraryBinding binding = LibraryBinding.of(new Missing(library, List.of(), List.of()));
        assertFalse(binding.isBound());
        assertTrue(binding.description()
                .startsWith("no " + library.title() + ": "
                        + library.file(library.majors().get(0))));
        assertTrue(binding.description().endsWith(library.remedy()), binding.description());
    }

    /** Its functions are never called then: the first call would end the process. */
    @Test
    void unlessItLacksAFunction() throws IOException {
        Path empty =
                CudaRuntime.open().find(CudaLibrary.CUBLAS).orThrow().path().resolveSibling("libcublasLt.so.12");
        Path file = Files.copy(empty, folder.resolve("libcublas.so.12"));
        LibraryBinding binding = LibraryBinding.of(found(CudaLibrary.CUBLAS, file));
        assertEquals(Optional.empty(), binding.version());
        assertTrue(
                binding.description().contains(file + " has no cublasCreate_v2, cublasDestroy_v2, cublasGemmEx"),
                binding.description());
    }

    @Test
    void unlessItCannotBeLoaded() throws IOException {
        Path file = Files.writeString(folder.resolve("libcudnn.so.9"), "no library");
        LibraryBinding binding = LibraryBinding.of(found(CudaLibrary.CUDNN, file));
        assertFalse(binding.isBound());
        assertTrue(binding.description().contains(file + " cannot be loaded"), binding.description());
    }
}
