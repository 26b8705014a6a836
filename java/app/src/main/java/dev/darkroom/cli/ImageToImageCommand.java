package dev.darkroom.cli;

import dev.darkroom.image.Picture;
import dev.darkroom.image.PictureReader;
import java.nio.file.Path;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** A picture from a text and another picture. */
@Command(
        name = "img2img",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = "Makes a picture from a text and another picture.",
        footer = {"", "Example:", "  darkroom img2img -i boat.png -p \"a boat at night\" --strength 0.6 -o night.png"})
final class ImageToImageCommand extends GenerateCommand {
    @Option(
            names = {"-i", "--init-img", "--image"},
            paramLabel = "FILE",
            required = true,
            description = "The picture to start from: PNG or JPEG.")
    private Path file = Path.of("");

    @Option(
            names = "--strength",
            defaultValue = "0.75",
            description = "How much of it is given up, 0 to 1. Default: ${DEFAULT-VALUE}.")
    private double strength;

    @Override
    Picture init() {
        return PictureReader.read(file);
    }

    @Override
    double strength() {
        return strength;
    }
}
