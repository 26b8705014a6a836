package dev.darkroom.cuda;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;

/** The software CUDA device of tests/softcuda, for tests that are started with its folder as the driver's. */
public final class SoftwareCuda {
    /** Why a test that needs it is skipped. */
    public static final String NEEDS = "the software CUDA device needs g++: apt-get install g++";

    private static final Path FOLDER = Path.of(System.getProperty("darkroom.root"), "tests", "softcuda");

    private SoftwareCuda() {}

    /** Whether this process was told to take it for the driver. */
    public static boolean isAsked() {
        String driver = System.getenv("DARKROOM_CUDA_DRIVER");
        return driver != null
                && Path.of(driver).normalize().equals(FOLDER.resolve("build").normalize());
    }

    /** Builds it where it is not built yet; false where it cannot be. */
    public static boolean build() {
        try {
            return new ProcessBuilder(FOLDER.resolve("build-device").toString())
                            .inheritIO()
                            .start()
                            .waitFor()
                    == 0;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while the software CUDA device was built", e);
        }
    }
}
