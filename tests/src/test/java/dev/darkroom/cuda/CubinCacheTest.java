package dev.darkroom.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@DisplayName("The cache of compiled kernels")
class CubinCacheTest {
    private static final byte[] IMAGE = {1, 2, 3, 4, 5};

    @TempDir
    private Path folder = Path.of("");

    @Test
    void givesBackWhatWasKept() {
        CubinCache cache = new CubinCache(folder.resolve("new"));
        assertTrue(cache.get("key").isEmpty());
        cache.put("key", IMAGE);
        cache.put("key", IMAGE);
        assertArrayEquals(
                IMAGE, new CubinCache(folder.resolve("new")).get("key").orElseThrow());
        assertTrue(cache.get("other").isEmpty());
    }

    @Test
    void leavesNoHalfWrittenFiles() throws IOException {
        new CubinCache(folder).put("key", IMAGE);
        try (Stream<Path> files = Files.list(folder)) {
            assertEquals(List.of(folder.resolve("key.cubin")), files.toList());
        }
    }

    @Test
    void takesAFileThatWasCutShortOrChangedForNone() throws IOException {
        CubinCache cache = new CubinCache(folder);
        cache.put("key", IMAGE);
        Path file = folder.resolve("key.cubin");
        byte[] whole = Files.readAllBytes(file);
        for (int length = 0; length < whole.length; length++) {
            Files.write(file, Arrays.copyOf(whole, length));
            assertTrue(cache.get("key").isEmpty(), "cut to " + length + " bytes");
        }
        whole[whole.length - 1]++;
        Files.write(file, whole);
        assertTrue(cache.get("key").isEmpty());
        cache.put("key", IMAGE);
        assertArrayEquals(IMAGE, cache.get("key").orElseThrow());
    }

    @Test
    void goesOnWithoutAFolderThatCanBeWritten() throws IOException {
        Path file = Files.createFile(folder.resolve("a file, no folder"));
        CubinCache cache = new CubinCache(file);
        cache.put("key", IMAGE);
        assertTrue(cache.get("key").isEmpty());
    }

    @Test
    void tellsApartInputsThatReadTheSameInARow() {
        assertNotEquals(CubinCache.key(List.of("a", "bc")), CubinCache.key(List.of("ab", "c")));
        assertEquals(CubinCache.key(List.of("a", "bc")), CubinCache.key(List.of("a", "bc")));
    }
}
