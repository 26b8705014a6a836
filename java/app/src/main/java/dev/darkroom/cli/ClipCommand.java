package dev.darkroom.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.darkroom.image.InfoText;
import dev.darkroom.image.PictureFolder;
import dev.darkroom.image.PictureReader;
import dev.darkroom.image.PngText;
import dev.darkroom.pipeline.Clip;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** How well pictures and texts suit each other. */
@Command(
        name = "clip",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = "Says how well pictures and texts suit each other, by CLIP's embeddings.",
        footer = {
            "",
            "Examples:",
            "  darkroom clip --image boat.png --text \"a boat\" \"a tree\"",
            "  darkroom clip --images outputs --text \"a boat\" --top 10",
            "  darkroom clip --images outputs --score"
        })
final class ClipCommand implements Callable<Integer> {
    @Option(
            names = {"-m", "--model"},
            paramLabel = "MODEL",
            description = "A folder of transformers' CLIPModel, a diffusers folder with an image encoder, or org/name of the"
                    + " local Hugging Face cache. Default: the demo model that comes with Darkroom.")
    private @Nullable String model;

    @Option(
            names = {"-i", "--image"},
            arity = "1..*",
            paramLabel = "FILE",
            description = "Pictures: PNG or JPEG.")
    private List<Path> images = new ArrayList<>();

    @Option(
            names = "--images",
            arity = "1..*",
            paramLabel = "FOLDER",
            description = "Folders, all PNG and JPEG files of which are taken, in the order of their names.")
    private List<Path> folders = new ArrayList<>();

    @Option(
            names = {"-p", "--text"},
            arity = "1..*",
            paramLabel = "TEXT",
            description = "Texts to compare the pictures with.")
    private List<String> texts = new ArrayList<>();

    @Option(
            names = "--score",
            description = "Compare each picture with the prompt that it carries, and print its CLIP score, 100 times the cosine.")
    private boolean score;

    @Option(
            names = "--top",
            paramLabel = "N",
            description = "Rank the pictures by each text, or by their scores, and print the best N.")
    private @Nullable Integer top;

    @Option(names = "--json", description = "Write one JSON object, embeddings included.")
    private boolean json;

    @Mixin
    private final DeviceOptions where = new DeviceOptions();

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Override
    public Integer call() {
        checkOptions();
        List<Path> files = new ArrayList<>(images);
        folders.forEach(folder -> files.addAll(PictureFolder.list(folder)));
        List<String> compared = score ? files.stream().map(ClipCommand::promptOf).toList() : texts;
        String place = ModelOptions.orDemo(model);
        try (Clip clip = Clip.open(place, where.device(), where.dtype(), where.threads())) {
            List<String> warnings = clip.warnings(compared);
            warnings.forEach(warning -> spec.commandLine().getErr().println("darkroom: warning: " + warning));
            ClipReport report = report(clip, files, compared);
            PrintWriter out = spec.commandLine().getOut();
            if (json) {
                ObjectNode object = report.toJson()
                        .put("model", place)
                        .put("device", clip.device().name())
                        .put("dtype", clip.dtype().toString());
                warnings.forEach(object.putArray("warnings")::add);
                out.println(object);
            } else {
                report.lines().forEach(out::println);
            }
        }
        return 0;
    }

    private ClipReport report(Clip clip, List<Path> files, List<String> compared) {
        Iterable<Clip.Named> pictures = () -> files.stream().map(ClipCommand::read).iterator();
        List<String> names = files.stream().map(Path::toString).toList();
        int best = top == null ? names.size() : Math.min(top, names.size());
        if (score) {
            return new ClipScores(names, compared, clip.embedImages(pictures), clip.embedTexts(compared), top != null, best);
        }
        return new ClipComparison(names, compared, clip.compare(pictures, compared), top != null, best);
    }

    private void checkOptions() {
        if (images.isEmpty() && folders.isEmpty()) {
            throw new IllegalArgumentException("no pictures given; name files with --image or folders with --images");
        }
        if (score && !texts.isEmpty()) {
            throw new IllegalArgumentException(
                    "--score takes the texts from the pictures; leave out either it or --text");
        }
        if (!score && texts.isEmpty()) {
            throw new IllegalArgumentException("no texts given; say with --text what to compare the pictures with,"
                    + " or with --score that it is the prompt which each picture carries");
        }
        if (top != null && top < 1) {
            throw new IllegalArgumentException("top is " + top + "; must be 1 or more");
        }
    }

    private static Clip.Named read(Path file) {
        return new Clip.Named(file.toString(), PictureReader.read(file));
    }

    private static String promptOf(Path file) {
        String text = PngText.read(file).get("parameters");
        if (text == null) {
            throw new IllegalArgumentException(file + " carries no prompt: it has no text \"parameters\", as Darkroom and"
                    + " AUTOMATIC1111 write it; say with --text what to compare it with");
        }
        return InfoText.parse(text).prompt();
    }
}
