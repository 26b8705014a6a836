package dev.darkroom.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.darkroom.image.OutputFile;
import dev.darkroom.image.Picture;
import dev.darkroom.pipeline.Darkroom;
import dev.darkroom.pipeline.Request;
import dev.darkroom.pipeline.Result;
import dev.darkroom.pipeline.TokenCount;
import dev.darkroom.sampling.Prediction;
import dev.darkroom.sampling.SamplerKind;
import dev.darkroom.sampling.SigmaSchedule;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.OptionalDouble;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** What {@code txt2img} and {@code img2img} have in common. */
abstract class GenerateCommand implements Callable<Integer> {
    /** Lists the schedules in the help. */
    static final class ScheduleNames implements Iterable<String> {
        @Override
        public Iterator<String> iterator() {
            return List.of(SigmaSchedule.titles().split(", ")).iterator();
        }
    }

    /** Lists the samplers in the help. */
    static final class SamplerNames implements Iterable<String> {
        @Override
        public Iterator<String> iterator() {
            return List.of(SamplerKind.titles().split(", ")).iterator();
        }
    }

    @Mixin
    private final ModelOptions model = new ModelOptions();

    @Option(
            names = {"-p", "--prompt"},
            required = true,
            description = "What the picture shows.")
    private String prompt = "";

    @Option(
            names = {"-n", "--negative-prompt", "--negative_prompt"},
            description = "What it should not be. SDXL tells none from an empty one.")
    private @Nullable String negativePrompt;

    @Mixin
    private final PromptOptions prompts = new PromptOptions();

    @Option(
            names = {"-W", "--width"},
            defaultValue = "0",
            description = "Width in pixels. Default: the model's own, or the init picture's.")
    private int width;

    @Option(
            names = {"-H", "--height"},
            defaultValue = "0",
            description = "Height in pixels. Default: the model's own, or the init picture's.")
    private int height;

    @Option(
            names = {"--steps", "--num-inference-steps"},
            defaultValue = "20",
            description = "Number of steps. Default: ${DEFAULT-VALUE}.")
    private int steps;

    @Option(
            names = {"--cfg-scale", "--guidance-scale"},
            defaultValue = "7",
            description = "Scale of the guidance by the prompt; 1 for none. Default: ${DEFAULT-VALUE}.")
    private double guidance;

    @Option(
            names = "--guidance-rescale",
            defaultValue = "0",
            description = "How far guidance is toned down, 0 to 1. Default: ${DEFAULT-VALUE}.")
    private double guidanceRescale;

    @Option(
            names = {"-s", "--seed"},
            defaultValue = "42",
            description = "Seed; negative for a random one. Default: ${DEFAULT-VALUE}.")
    private long seed;

    @Option(
            names = {"--sampling-method", "--sampler", "--scheduler"},
            paramLabel = "NAME",
            completionCandidates = SamplerNames.class,
            description = "One of ${COMPLETION-CANDIDATES}. Default: the model's own.")
    private @Nullable String sampler;

    @Option(
            names = "--schedule",
            paramLabel = "NAME",
            completionCandidates = ScheduleNames.class,
            description = "Spacing of noise levels: automatic, ${COMPLETION-CANDIDATES}. Default: the sampler's own.")
    private @Nullable String schedule;

    @Option(
            names = "--eta",
            description =
                    "Share of fresh noise in each step, 0 to 1, of samplers that have a choice. Default: the sampler's own.")
    private @Nullable Double eta;

    @Option(names = "--s-churn", description = "Noise added before each step of Euler, Heun and DPM2. Default: 0.")
    private @Nullable Double churn;

    @Option(names = "--s-tmin", description = "Noise level from which on it is added. Default: 0.")
    private @Nullable Double churnFrom;

    @Option(names = "--s-tmax", description = "Noise level up to which it is added. Default: no limit.")
    private @Nullable Double churnTo;

    @Option(names = "--s-noise", description = "What fresh noise is multiplied by. Default: 1.")
    private @Nullable Double noiseFactor;

    @Option(
            names = "--clip-skip",
            defaultValue = "1",
            description =
                    "Layer of the text encoder, counted from the last as AUTOMATIC1111 does: 1 is the model's own;"
                            + " diffusers' clip_skip plus 1. Default: ${DEFAULT-VALUE}.")
    private int clipSkip;

    @Option(
            names = {"-b", "--batch-count", "--num-images-per-prompt"},
            defaultValue = "1",
            description = "Number of pictures; picture i has the seed plus i. Default: ${DEFAULT-VALUE}.")
    private int count;

    @Option(
            names = "--rng",
            defaultValue = "cpu",
            description = "Random numbers as torch draws them on: cpu or cuda. Default: ${DEFAULT-VALUE}.")
    private Rng rng = Rng.CPU;

    @Mixin
    private final SdxlFlags sdxl = new SdxlFlags();

    @Option(
            names = "--refiner",
            paramLabel = "MODEL",
            description = "SDXL: a model that takes the last steps, as SDXL's refiner.")
    private @Nullable String refiner;

    @Option(
            names = "--prediction",
            paramLabel = "TYPE",
            description = "What the model predicts: eps, v or sample. Default: what its files say, or what it answers.")
    private @Nullable String prediction;

    @Option(
            names = "--refiner-switch-at",
            paramLabel = "SHARE",
            description = "Where the refiner takes over: from this share of the model's times on. Default: 0.8.")
    private @Nullable Double refinerSwitchAt;

    @Option(
            names = {"-o", "--output"},
            defaultValue = "output.png",
            description = "PNG file; further pictures of a batch are numbered NAME_2.png … Default: ${DEFAULT-VALUE}.")
    private Path output = Path.of("output.png");

    @Option(
            names = "--preview",
            paramLabel = "FILE",
            description = "Write a rough preview to this PNG file after every step.")
    private @Nullable Path preview;

    @Mixin
    private final AddOnOptions addOns = new AddOnOptions();

    @Option(names = "--json", description = "Write one JSON object to standard output.")
    private boolean json;

    @Spec
    private CommandSpec spec = CommandSpec.create();

    /** The generators of torch that seeds may be meant for. */
    enum Rng {
        CPU,
        CUDA
    }

    /** The picture to start from; null for none. */
    abstract @Nullable Picture init();

    /** How much of it is given up. */
    abstract double strength();

    @Override
    public Integer call() {
        Request request = request();
        for (int i = 0; i < count; i++) {
            OutputFile.check(file(i));
        }
        ProgressLines progress = ProgressLines.on(spec.commandLine().getErr(), preview);
        progress.loading(model.model());
        try (Darkroom darkroom = open()) {
            progress.loaded(darkroom, Main.isVerbose(spec));
            Result result = darkroom.generate(request, progress);
            List<String> files = new ArrayList<>();
            for (int i = 0; i < result.pictures().size(); i++) {
                result.save(i, file(i));
                files.add(file(i).toString());
            }
            progress.finished();
            report(darkroom, result, files);
        }
        return 0;
    }

    private Darkroom open() {
        return model.builder()
                .refiner(refiner)
                .prediction(prediction == null ? null : Prediction.parse(prediction))
                .open();
    }

    private Request request() {
        if (prompt.isBlank()) {
            throw new IllegalArgumentException("the prompt is empty; say with -p what the picture shows");
        }
        Request.Builder request = Request.of(prompt)
                .negativePrompt(negativePrompt)
                .promptRules(prompts.rules())
                .wildcards(prompts.wildcards())
                .size(width, height)
                .steps(steps)
                .guidance(guidance)
                .guidanceRescale(guidanceRescale)
                .seed(seed < 0 ? new Random().nextInt(Integer.MAX_VALUE) : seed)
                .sampler(sampler)
                .schedule(schedule)
                .clipSkip(clipSkip)
                .count(count)
                .noise(rng == Rng.CUDA ? Request.NoiseSource.TORCH_CUDA : Request.NoiseSource.TORCH_CPU)
                .init(init())
                .addOns(addOns.addOns())
                .strength(strength())
                .sdxl(sdxl.options())
                .refinerSwitchAt(refinerSwitchAt == null ? OptionalDouble.empty() : OptionalDouble.of(refinerSwitchAt));
        set(request, "eta", eta);
        set(request, "s_churn", churn);
        set(request, "s_tmin", churnFrom);
        set(request, "s_tmax", churnTo);
        set(request, "s_noise", noiseFactor);
        return request.build();
    }

    private static void set(Request.Builder request, String parameter, @Nullable Double value) {
        if (value != null) {
            request.samplerParameter(parameter, value);
        }
    }

    /** The output's name for picture {@code index}: the second gets {@code _2} before the ending. */
    private Path file(int index) {
        if (index == 0) {
            return output;
        }
        String name = output.getFileName().toString();
        int dot = name.lastIndexOf('.') < 1 ? name.length() : name.lastIndexOf('.');
        return output.resolveSibling(name.substring(0, dot) + "_" + (index + 1) + name.substring(dot));
    }

    private void report(Darkroom darkroom, Result result, List<String> files) {
        result.warnings().forEach(warning -> spec.commandLine().getErr().println("darkroom: warning: " + warning));
        if (!json) {
            for (int i = 0; i < files.size(); i++) {
                spec.commandLine()
                        .getOut()
                        .println(files.get(i) + "  seed " + result.seeds().get(i));
            }
            spec.commandLine()
                    .getOut()
                    .println(result.tokens().stream().map(TokenCount::toString).collect(Collectors.joining(", ")));
            return;
        }
        ObjectMapper mapper = new ObjectMapper();
        ObjectNode object = mapper.createObjectNode();
        object.set("files", mapper.valueToTree(files));
        object.set("seeds", mapper.valueToTree(result.seeds()));
        object.put("width", result.picture().width())
                .put("height", result.picture().height());
        object.put("device", darkroom.device().name())
                .put("dtype", darkroom.dtype().toString());
        ObjectNode tokens = object.putObject("tokens");
        for (TokenCount count : result.tokens()) {
            tokens.putObject(count.field().replace(' ', '_'))
                    .put("tokens", count.tokens())
                    .put("limit", count.limit())
                    .put("chunks", count.chunks());
        }
        object.set("warnings", mapper.valueToTree(result.warnings()));
        ObjectNode seconds = object.putObject("seconds");
        seconds.put("load", darkroom.loadSeconds()).put("text", result.timings().text());
        seconds.set("steps", mapper.valueToTree(result.timings().steps()));
        seconds.put("decode", result.timings().decode())
                .put("total", darkroom.loadSeconds() + result.timings().total());
        object.set("memory", mapper.valueToTree(result.memory()));
        spec.commandLine().getOut().println(object);
    }
}
