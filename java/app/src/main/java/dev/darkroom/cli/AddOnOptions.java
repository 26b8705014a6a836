package dev.darkroom.cli;

import dev.darkroom.image.PictureReader;
import dev.darkroom.pipeline.AddOns;
import dev.darkroom.pipeline.Control;
import dev.darkroom.pipeline.ImagePrompt;
import dev.darkroom.tensor.HostTensor;
import dev.darkroom.weights.SafetensorsFile;
import dev.darkroom.weights.WeightsException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Option;

/** The networks used beside the model. */
final class AddOnOptions {
    /** A picture that guides; begins anew with each {@code --controlnet}. Defaults are initial values: picocli knows no others in repeated groups. */
    static final class ControlOptions {
        @Option(
                names = {"--controlnet", "--control-net"},
                paramLabel = "NET",
                required = true,
                description =
                        "A ControlNet or T2I-Adapter: a diffusers folder, a .safetensors file, or org/name of the local"
                                + " Hugging Face cache. Repeat it, with the options of its own that follow, for several.")
        private String net = "";

        @Option(
                names = "--control-image",
                paramLabel = "FILE",
                required = true,
                description = "The picture it is shown: PNG or JPEG; resized to the request's size.")
        private Path picture = Path.of("");

        @Option(
                names = {"--control-strength", "--controlnet-conditioning-scale"},
                description = "How much it counts. Default: 1.")
        private double strength = 1;

        @Option(
                names = {"--control-start", "--control-guidance-start"},
                description = "Share of the steps after which it begins to count, 0 to 1. Default: 0.")
        private double start;

        @Option(
                names = {"--control-end", "--control-guidance-end"},
                description = "Share of the steps after which it counts no more, 0 to 1. Default: 1.")
        private double end = 1;

        @Option(
                names = "--guess-mode",
                description = "Guides only predictions with the prompt, coarse levels more than fine ones.")
        private boolean guess;

        private Control control() {
            return new Control(net, PictureReader.read(picture), strength, start, end, guess);
        }
    }

    /** Pictures that the U-Net attends to; begins anew with each {@code --ip-adapter}. */
    static final class ImagePromptOptions {
        private static final String TENSOR = "image_embeds";

        @Option(
                names = "--ip-adapter",
                paramLabel = "FILE",
                required = true,
                description =
                        "An IP-Adapter's .safetensors file. Repeat it, with the options of its own that follow, for several.")
        private String adapter = "";

        @Option(
                names = "--ip-adapter-embeds",
                paramLabel = "FILE",
                required = true,
                description = "A .safetensors file with the pictures' embeddings, image_embeds [pictures, channels].")
        private Path embeddings = Path.of("");

        @Option(names = "--ip-adapter-scale", description = "How much they count beside the text. Default: 1.")
        private double scale = 1;

        private ImagePrompt prompt() {
            HostTensor tensor = SafetensorsFile.open(embeddings).get(TENSOR);
            int rank = tensor.shape().rank();
            if (rank < 2) {
                throw new WeightsException(embeddings + ": " + TENSOR + " has shape " + tensor.shape()
                        + "; it must have a row for each picture, [pictures, channels]");
            }
            int width = tensor.shape().dim(rank - 1);
            float[] values = tensor.toFloats();
            List<float[]> rows = new ArrayList<>();
            for (int from = 0; from < values.length; from += width) {
                rows.add(Arrays.copyOfRange(values, from, from + width));
            }
            return new ImagePrompt(adapter, rows, scale);
        }
    }

    @ArgGroup(exclusive = false, multiplicity = "0..*")
    private List<ControlOptions> controls = new ArrayList<>();

    @ArgGroup(exclusive = false, multiplicity = "0..*")
    private List<ImagePromptOptions> imagePrompts = new ArrayList<>();

    @Option(
            names = "--vae",
            paramLabel = "TAESD",
            description =
                    "A tiny autoencoder that decodes in place of the model's own: a diffusers folder or a .safetensors file.")
    private @Nullable String decoder;

    @Option(
            names = "--taesd",
            paramLabel = "TAESD",
            description = "A tiny autoencoder that draws the previews in full size.")
    private @Nullable String previewer;

    /** Reads the pictures. */
    AddOns addOns() {
        AddOns all = AddOns.NONE;
        for (ControlOptions each : controls) {
            all = all.with(each.control());
        }
        for (ImagePromptOptions each : imagePrompts) {
            all = all.with(each.prompt());
        }
        all = decoder == null ? all : all.decodedBy(decoder);
        return previewer == null ? all : all.previewedBy(previewer);
    }
}
