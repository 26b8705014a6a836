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

    /** The one device that gpu-check has the tests run on, such as {@code cuda:1}; empty where they choose themselves. */
    public static String contractsDevice() {
        return System.getProperty("darkroom.contracts.device", "");
    }

    /** Builds it where it is not built yet; false where it cannot be. On a GPU that gpu-check has found there is nothing to build. */
    public static boolean build() {
        if (!contractsDevice().isEmpty() && !isAsked()) {
            return true;
        }
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
