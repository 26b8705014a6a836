package dev.darkroom.cli;

import dev.darkroom.image.Picture;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;

/** A picture from a text. */
@Command(
        name = "txt2img",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = "Makes a picture from a text.",
        footer = {
            "",
            "Example:",
            "  darkroom txt2img -p \"a red sailing boat on the sea at sunset\" --steps 25 -s 7 -o boat.png"
        })
final class TextToImageCommand extends GenerateCommand {
    @Override
    @Nullable
    Picture init() {
        return null;
    }

    @Override
    double strength() {
        return 1;
    }
}
