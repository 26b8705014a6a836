package dev.darkroom.cuda.bind;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/**
 * Loads JCuda's native libraries from a folder of this process alone.
 *
 * <p>JCuda unpacks them to java.io.tmpdir under fixed names and loads what lies there already, which could be anybody's; and they name the
 * libraries of CUDA 12, which {@link ElfRename} changes to those that were found.
 */
final class JCudaNatives {
    private static final String VERSION = "12.6.0";

    private JCudaNatives() {}

    /**
     * Loads one of JCuda's natives.
     *
     * @param name    such as {@code JCudaDriver}
     * @param renames names of needed libraries and what they are called here, of equal length
     * @param touch   the first use of the class that loads the native
     */
    static void load(String name, Map<String, String> renames, Runnable touch) {
        String file = "lib" + name + "-" + VERSION + "-linux-x86_64.so";
        String shared = System.getProperty("java.io.tmpdir");
        try {
            Path folder = Files.createTempDirectory("darkroom-jcuda");
            Path copy = folder.resolve(file);
            try {
                Files.write(copy, ElfRename.apply(read(file), renames));
                System.setProperty("java.io.tmpdir", folder.toString());
                touch.run();
            } finally {
                System.setProperty("java.io.tmpdir", shared);
                Files.deleteIfExists(copy); // it stays mapped
                Files.deleteIfExists(folder);
            }
        } catch (IOException e) {
            throw new UncheckedIOException("JCuda's native library " + file + " cannot be unpacked to " + shared, e);
        }
    }

    private static byte[] read(String file) throws IOException {
        try (InputStream in = JCudaNatives.class.getResourceAsStream("/lib/" + file)) {
            if (in == null) {
                throw new CudaUnavailableException(
                        "this build has no CUDA support",
                        "JCuda's native library " + file + " is not on the class path");
            }
            return in.readAllBytes();
        }
    }
}
