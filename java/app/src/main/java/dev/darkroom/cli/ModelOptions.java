package dev.darkroom.cli;

import dev.darkroom.pipeline.Darkroom;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Which model, and where it runs. */
final class ModelOptions {
    @Option(
            names = {"-m", "--model"},
            paramLabel = "MODEL",
            description = "A diffusers folder, a .safetensors file, or org/name of the local Hugging Face cache."
                    + " Default: the demo model that comes with Darkroom.")
    private @Nullable String model;

    @Mixin
    private final DeviceOptions device = new DeviceOptions();

    /** Opens the model. */
    Darkroom open() {
        return builder().open();
    }

    /** The model with what else was said, to be opened. */
    Darkroom.Builder builder() {
        return Darkroom.builder(model())
                .device(device.device())
                .dtype(device.dtype())
                .threads(device.threads());
    }

    String model() {
        return orDemo(model);
    }

    /** {@code model}, or where the demo model lies. */
    static String orDemo(@Nullable String model) {
        if (model != null) {
            return model;
        }
        String home = System.getProperty("darkroom.home");
        if (home == null) {
            throw new IllegalArgumentException(
                    "no model given; use --model, or start Darkroom by its launcher ./darkroom,"
                            + " which knows where the demo model lies");
        }
        return Path.of(home, "models", "demo").toString();
    }
}
