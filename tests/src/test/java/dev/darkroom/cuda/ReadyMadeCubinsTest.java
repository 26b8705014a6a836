package dev.darkroom.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.darkroom.cuda.bind.CudaUnavailableException;
import java.io.IOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@DisplayName("Ready-made kernels")
class ReadyMadeCubinsTest {
    private static final KernelVariant SAMPLE = KernelCompiler.SAMPLE;
    private static final KernelSource SOURCE = KernelSource.of(SAMPLE.file());
    private static final byte[] FOR_AMPERE = {80};
    private static final byte[] FOR_ADA = {89};

    @TempDir
    private Path jar = Path.of("");

    @BeforeEach
    void twoImagesAreInTheJar() throws IOException {
        write(OfflineCompiler.resource(SAMPLE, GpuArchitecture.of(80)), FOR_AMPERE);
        write(OfflineCompiler.resource(SAMPLE, GpuArchitecture.of(89)), FOR_ADA);
        write(OfflineCompiler.versionResource(), "12.9\n".getBytes(java.nio.charset.StandardCharsets.US_ASCII));
    }

    private void write(String resource, byte[] content) throws IOException {
        Files.createDirectories(jar.resolve(resource).resolveSibling(""));
        Files.write(jar.resolve(resource), content);
    }

    private ReadyMadeCubins readyMade() throws IOException {
        return ReadyMadeCubins.of(new URLClassLoader(new URL[] {jar.toUri().toURL()}, null));
    }

    private static KernelCompiler compiler(ReadyMadeCubins readyMade, Path cache, int gpu) {
        return new KernelCompiler(readyMade, new CubinCache(cache), Optional.empty(), "it is not installed", gpu);
    }

    @Test
    void areFoundByTheNearestArchitecture() throws IOException {
        assertArrayEquals(
                FOR_AMPERE, readyMade().find(SOURCE, SAMPLE.defines(), 80).orElseThrow());
        assertArrayEquals(
                FOR_AMPERE, readyMade().find(SOURCE, SAMPLE.defines(), 86).orElseThrow());
        assertArrayEquals(
                FOR_ADA, readyMade().find(SOURCE, SAMPLE.defines(), 89).orElseThrow());
        assertTrue(readyMade().find(SOURCE, SAMPLE.defines(), 90).isEmpty());
        assertTrue(readyMade().find(SOURCE, SAMPLE.defines(), 75).isEmpty());
    }

    @Test
    void ofAnotherSourceOrOtherChoicesAreNotTaken() throws IOException {
        KernelSource changed = new KernelSource(SOURCE.file(), SOURCE.text() + "\n", SOURCE.headers());
        KernelSource otherHeader = new KernelSource(SOURCE.file(), SOURCE.text(), Map.of("elements.cuh", "//"));
        for (KernelSource other : List.of(changed, otherHeader)) {
            assertTrue(readyMade().find(other, SAMPLE.defines(), 80).isEmpty());
        }
        assertTrue(readyMade().find(SOURCE, List.of("T=f16", "VECTOR=0"), 80).isEmpty());
    }

    @Test
    void serveWithoutAnNvrtc() throws IOException {
        KernelCompiler compiler = compiler(readyMade(), jar.resolve("cache"), 86);
        assertDoesNotThrow(() -> compiler.requireSource(SAMPLE));
        assertArrayEquals(
                FOR_AMPERE, compiler.image(SAMPLE.file(), SAMPLE.defines()).bytes());
        assertFalse(Files.exists(jar.resolve("cache")), "ready-made images need no cache");
    }

    @Test
    void thatAreMissingAreNamedWithWhatToDo() throws IOException {
        KernelCompiler compiler = compiler(readyMade(), jar.resolve("cache"), 90);
        CudaUnavailableException thrown =
                assertThrows(CudaUnavailableException.class, () -> compiler.requireSource(SAMPLE));
        assertEquals("no kernels for this GPU", thrown.summary());
        assertEquals(
                "no kernels for this GPU: kernels/layernorm.cu T=f16 VECTOR=1 has no ready-made image for compute capability 9.0,"
                        + " and there is no NVRTC to compile it: it is not installed",
                thrown.getMessage());
    }

    @Test
    void needADriverForTheirCuda() throws IOException {
        assertTrue(readyMade().reasonAgainst(12_000).isEmpty(), "any minor version serves");
        assertTrue(readyMade().reasonAgainst(13_010).isEmpty());
        Files.writeString(jar.resolve(OfflineCompiler.versionResource()), "13.1");
        assertEquals(
                "the ready-made kernels are of CUDA 13.1, the driver is for CUDA 12.6",
                readyMade().reasonAgainst(12_060).orElseThrow());
        Files.delete(jar.resolve(OfflineCompiler.versionResource()));
        assertEquals(
                "this build has no ready-made kernels",
                readyMade().reasonAgainst(13_010).orElseThrow());
        assertTrue(readyMade().find(SOURCE, SAMPLE.defines(), 80).isEmpty());
    }
}
