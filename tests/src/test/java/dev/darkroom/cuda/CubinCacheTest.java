package dev.darkroom.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
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
    void warnsOnceOfAFolderThatCannotBeWritten() throws IOException {
        CubinCache cache = new CubinCache(Files.createFile(folder.resolve("a file")));
        try (CapturedLog log = CapturedLog.of(CubinCache.class)) {
            cache.put("one", IMAGE);
            cache.put("two", IMAGE);
            cache.get("one");
            assertEquals(1, log.lines().size(), log.lines().toString());
            String warning = log.lines().get(0);
            assertTrue(warning.contains("each start compiles them anew. XDG_CACHE_HOME names another folder"), warning);
        }
    }

    /** Each writes and reads the same few keys over and over; nobody ever sees half an image. */
    @Test
    void servesManyAtOnce() throws Exception {
        List<byte[]> images = Stream.of(1, 2, 3).map(i -> new byte[100_000 * i]).toList();
        images.forEach(image -> Arrays.fill(image, (byte) image.length));
        ExecutorService pool = Executors.newFixedThreadPool(8);
        try {
            List<Future<Integer>> found = new ArrayList<>();
            for (int worker = 0; worker < 8; worker++) {
                found.add(pool.submit(() -> exchange(new CubinCache(folder.resolve("shared")), images)));
            }
            int all = 0;
            for (Future<Integer> each : found) {
                all += each.get();
            }
            assertTrue(all > 8 * 60 / 2, "only " + all + " images were found");
        } finally {
            pool.shutdownNow();
        }
        try (Stream<Path> files = Files.list(folder.resolve("shared"))) {
            assertEquals(3, files.count(), "files are left over");
        }
    }

    /** Keeps images and looks for them; returns how many were found, all of them whole. */
    private static int exchange(CubinCache cache, List<byte[]> images) {
        int found = 0;
        for (int i = 0; i < 60; i++) {
            byte[] image = images.get(i % images.size());
            cache.put("key" + i % images.size(), image);
            byte[] seen = cache.get("key" + i % images.size()).orElse(null);
            if (seen != null) {
                assertArrayEquals(image, seen);
                found++;
            }
        }
        return found;
    }

    @Test
    void tellsApartInputsThatReadTheSameInARow() {
        assertNotEquals(CubinCache.key(List.of("a", "bc")), CubinCache.key(List.of("ab", "c")));
        assertEquals(CubinCache.key(List.of("a", "bc")), CubinCache.key(List.of("a", "bc")));
    }
}
