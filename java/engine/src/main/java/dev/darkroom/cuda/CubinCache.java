package dev.darkroom.cuda;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Optional;

/**
 * Compiled kernels in the user's cache folder, which many processes may use at once.
 *
 * <p>A file appears whole or not at all, and begins with the SHA-256 of what follows: one that was damaged is as good as none. Where the folder
 * cannot be used the log says so once, and kernels are compiled anew by every process.
 */
final class CubinCache {
    private static final System.Logger LOGGER = System.getLogger(CubinCache.class.getName());
    private static final int CHECKSUM_BYTES = 32;

    private final Path folder;
    private boolean warned;

    CubinCache(Path folder) {
        this.folder = folder;
    }

    /** The cache of this user: in XDG_CACHE_HOME, or .cache in the home folder. */
    static CubinCache ofThisUser() {
        return new CubinCache(UserCache.folder().resolve("cubins"));
    }

    /** The name under which the outcome of compiling these inputs is kept. */
    static String key(Iterable<String> inputs) {
        MessageDigest digest = sha256();
        for (String input : inputs) {
            digest.update(input.getBytes(StandardCharsets.UTF_8));
            digest.update((byte) 0); // so that "a", "bc" and "ab", "c" differ
        }
        return HexFormat.of().formatHex(digest.digest());
    }

    /** What was kept under {@code key}. */
    Optional<byte[]> get(String key) {
        Path file = file(key);
        try {
            byte[] kept = Files.readAllBytes(file);
            byte[] image = Arrays.copyOfRange(kept, Math.min(CHECKSUM_BYTES, kept.length), kept.length);
            if (Arrays.equals(sha256().digest(image), Arrays.copyOf(kept, CHECKSUM_BYTES))) {
                return Optional.of(image);
            }
            LOGGER.log(System.Logger.Level.WARNING, "{0} is damaged; compiling anew", file);
        } catch (NoSuchFileException e) {
            // not compiled yet
        } catch (IOException e) {
            warn(e);
        }
        return Optional.empty();
    }

    /** Keeps {@code image} under {@code key}. */
    void put(String key, byte[] image) {
        try {
            byte[] checksum = sha256().digest(image);
            byte[] kept = Arrays.copyOf(checksum, checksum.length + image.length);
            System.arraycopy(image, 0, kept, checksum.length, image.length);
            UserCache.write(file(key), kept);
        } catch (IOException e) {
            warn(e);
        }
    }

    private Path file(String key) {
        return folder.resolve(key + ".cubin");
    }

    private void warn(IOException e) {
        if (!warned) {
            warned = true;
            LOGGER.log(
                    System.Logger.Level.WARNING,
                    "compiled kernels cannot be kept in {0} ({1}); each start compiles them anew. XDG_CACHE_HOME names another folder",
                    folder,
                    e);
        }
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java platform has SHA-256", e);
        }
    }
}
