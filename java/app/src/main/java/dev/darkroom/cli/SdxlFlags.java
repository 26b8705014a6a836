package dev.darkroom.cli;

import dev.darkroom.pipeline.SdxlOptions;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/** What only SDXL is told. */
final class SdxlFlags {
    @Option(
            names = {"--prompt-2", "--prompt_2"},
            paramLabel = "TEXT",
            description = "SDXL: a text of its own for the second text encoder. Default: the prompt.")
    private @Nullable String prompt2;

    @Option(
            names = {"--negative-prompt-2", "--negative_prompt_2"},
            paramLabel = "TEXT",
            description = "SDXL: the same for the negative prompt.")
    private @Nullable String negativePrompt2;

    @Option(
            names = "--original-size",
            paramLabel = "WxH",
            converter = SizeConverter.class,
            description = "SDXL: size of the picture before it was scaled, for the model's imagination."
                    + " Default: the size that is made.")
    private SdxlOptions.@Nullable Size originalSize;

    @Option(
            names = "--crop-top-left",
            paramLabel = "TOP,LEFT",
            converter = CornerConverter.class,
            description = "SDXL: what was cut off. Default: 0,0.")
    private SdxlOptions.@Nullable Corner cropTopLeft;

    @Option(
            names = "--target-size",
            paramLabel = "WxH",
            converter = SizeConverter.class,
            description = "SDXL: size of the whole picture. Default: the size that is made.")
    private SdxlOptions.@Nullable Size targetSize;

    @Option(
            names = "--negative-original-size",
            paramLabel = "WxH",
            converter = SizeConverter.class,
            description = "SDXL: told with the negative prompt. Default: as with the prompt.")
    private SdxlOptions.@Nullable Size negativeOriginalSize;

    @Option(
            names = "--negative-crop-top-left",
            paramLabel = "TOP,LEFT",
            converter = CornerConverter.class,
            description = "SDXL: told with the negative prompt. Default: as with the prompt.")
    private SdxlOptions.@Nullable Corner negativeCropTopLeft;

    @Option(
            names = "--negative-target-size",
            paramLabel = "WxH",
            converter = SizeConverter.class,
            description = "SDXL: told with the negative prompt. Default: as with the prompt.")
    private SdxlOptions.@Nullable Size negativeTargetSize;

    @Option(
            names = "--aesthetic-score",
            paramLabel = "SCORE",
            description = "SDXL's refiner: how beautiful the picture is, 0 to 10. Default: 6.")
    private @Nullable Double aestheticScore;

    @Option(
            names = "--negative-aesthetic-score",
            paramLabel = "SCORE",
            description = "SDXL's refiner: the same for the negative prompt. Default: 2.5.")
    private @Nullable Double negativeAestheticScore;

    SdxlOptions options() {
        return new SdxlOptions(
                prompt2,
                negativePrompt2,
                originalSize,
                cropTopLeft,
                targetSize,
                negativeOriginalSize,
                negativeCropTopLeft,
                negativeTargetSize,
                aestheticScore,
                negativeAestheticScore);
    }

    /** Reads {@code 1024x768}. */
    static final class SizeConverter implements ITypeConverter<SdxlOptions.Size> {
        @Override
        public SdxlOptions.Size convert(String text) {
            int[] numbers = numbers(text, "x", "a width and a height as 1024x768");
            return new SdxlOptions.Size(numbers[0], numbers[1]);
        }
    }

    /** Reads {@code 0,64}. */
    static final class CornerConverter implements ITypeConverter<SdxlOptions.Corner> {
        @Override
        public SdxlOptions.Corner convert(String text) {
            int[] numbers = numbers(text, ",", "the pixels cut off at the top and on the left as 0,64");
            return new SdxlOptions.Corner(numbers[0], numbers[1]);
        }
    }

    private static int[] numbers(String text, String separator, String expected) {
        if (!text.matches("\\d{1,9}" + separator + "\\d{1,9}")) {
            throw new TypeConversionException("\"" + text + "\" is not " + expected);
        }
        String[] parts = text.split(separator, -1);
        return new int[] {Integer.parseInt(parts[0]), Integer.parseInt(parts[1])};
    }
}
