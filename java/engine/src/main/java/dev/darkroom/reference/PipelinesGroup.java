package dev.darkroom.reference;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.darkroom.image.Picture;
import dev.darkroom.image.PictureReader;
import dev.darkroom.pipeline.AddOnNetworks;
import dev.darkroom.pipeline.Generation;
import dev.darkroom.pipeline.Job;
import dev.darkroom.pipeline.LoadedModel;
import dev.darkroom.pipeline.MicroConditioning;
import dev.darkroom.pipeline.Monitor;
import dev.darkroom.pipeline.Noise;
import dev.darkroom.pipeline.Texts;
import dev.darkroom.sampling.SamplingPlan;
import dev.darkroom.sampling.SchedulerConfig;
import dev.darkroom.tensor.DType;
import dev.darkroom.weights.ModelFiles;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Whole pipelines with the noise given: latents after every step and at the end, and pictures. */
final class PipelinesGroup implements Group {
    private static final Map<String, String> SCHEDULERS = Map.ofEntries(
            Map.entry("ddpm", "DDPMScheduler"),
            Map.entry("ddim", "DDIMScheduler"),
            Map.entry("pndm", "PNDMScheduler"),
            Map.entry("euler", "EulerDiscreteScheduler"),
            Map.entry("euler_a", "EulerAncestralDiscreteScheduler"),
            Map.entry("heun", "HeunDiscreteScheduler"),
            Map.entry("dpmpp_2m", "DPMSolverMultistepScheduler"),
            Map.entry("unipc", "UniPCMultistepScheduler"),
            Map.entry("lcm", "LCMScheduler"));
    private static final Set<String> PIPELINES = Set.of(
            "StableDiffusionPipeline",
            "StableDiffusionImg2ImgPipeline",
            "StableDiffusionControlNetPipeline",
            "StableDiffusionControlNetImg2ImgPipeline",
            "StableDiffusionXLPipeline",
            "StableDiffusionXLControlNetPipeline",
            "StableDiffusionXLImg2ImgPipeline");
    private static final Set<String> ARGUMENTS =
            Set.of(("prompt prompt_2 negative_prompt negative_prompt_2 height width num_inference_steps guidance_scale"
                            + " guidance_rescale clip_skip eta image strength original_size crops_coords_top_left"
                            + " target_size negative_original_size negative_crops_coords_top_left negative_target_size"
                            + " aesthetic_score negative_aesthetic_score")
                    .split(" "));
    private static final double DIFFERING_PIXELS = 0.001; // share that may be a level away in f32

    @Override
    public String name() {
        return "pipelines";
    }

    @Override
    public void run(Check check) {
        check.set().files(name()).forEach((file, entry) -> {
            if (!file.endsWith(".safetensors")) {
                return; // a picture that other cases use
            }
            String why = unsupported(entry);
            if (why.isEmpty()) {
                check.attempt(name(), file, () -> runCase(check, file, entry));
            } else {
                check.report(CaseResult.skipped(name(), file, why));
            }
        });
    }

    /** Why a case cannot be run; empty where it can. Whatever is not known here might change the result, and is not passed over. */
    private static String unsupported(JsonNode entry) {
        String pipeline = entry.path("pipeline").asText();
        if (!PIPELINES.contains(pipeline)) {
            return pipeline + " is not supported yet";
        }
        for (Map.Entry<String, JsonNode> argument : entry.path("arguments").properties()) {
            if (!ARGUMENTS.contains(argument.getKey()) && !ControlCases.ARGUMENTS.contains(argument.getKey())) {
                return "the argument " + argument.getKey() + " is not supported yet";
            }
        }
        return scheduler(entry).isEmpty()
                ? "scheduler " + entry.path("scheduler").asText() + " is not supported yet"
                : "";
    }

    /** The class of a case's scheduler: its name without what the configuration says too. */
    private static Optional<String> scheduler(JsonNode entry) {
        String name = entry.path("scheduler").asText();
        return SCHEDULERS.keySet().stream()
                .filter(known -> name.equals(known) || name.startsWith(known + "_"))
                .max(Comparator.comparingInt(String::length))
                .map(SCHEDULERS::get);
    }

    private void runCase(Check check, String file, JsonNode entry) {
        Check.Values values = check.values(name(), file);
        ModelFiles model = ModelFiles.open(checkpoint(check, file, entry).toString());
        Job job = job(check, entry, values);
        Check.Case comparison = check.new Case(name(), file, entry, Tolerance.PIPELINE);
        List<float[]> steps = new ArrayList<>();
        try (LoadedModel loaded = LoadedModel.of(check.device(), model, check.dtype());
                AddOnNetworks addOns = AddOnNetworks.on(check.device())) {
            check.device().observe((path, result) -> {
                // The first tensor that leaves the scope of a step is the sample.
                if (path.matches("request/denoise/steps\\.\\d+")
                        && steps.size() == Integer.parseInt(path.replaceAll("\\D", ""))) {
                    steps.add(Check.download(result));
                }
            });
            Generation.Outcome outcome = new Generation(check.device(), loaded, addOns).run(job, Monitor.NONE);
            comparison.compare(
                    "latents",
                    outcome.latents().toArray(),
                    values.floats("latents"),
                    firstDeparture(comparison, steps, values));
            if (values.has("image")) {
                comparison.compare("image", outcome.decoded().toArray(), values.floats("image"));
            }
            if (check.dtype() == DType.F32) {
                comparePictures(check, file, entry, outcome.pictures());
            }
        } finally {
            check.device().observe(null);
        }
    }

    /** Image-to-image cases do not name their checkpoint; they were made with the first one. */
    private static Path checkpoint(Check check, String file, JsonNode entry) {
        Path named = check.set().checkpoint(file, entry);
        return Files.isDirectory(named) ? named : named.resolveSibling("sd1");
    }

    private Job job(Check check, JsonNode entry, Check.Values values) {
        JsonNode arguments = entry.path("arguments");
        int steps = arguments.path("num_inference_steps").asInt();
        Optional<Picture> init = entry.path("pipeline").asText().contains("Img2Img")
                ? Optional.of(PictureReader.read(
                        check.set().file(name(), arguments.path("image").asText("init.png"))))
                : Optional.empty();
        int skipped = init.isEmpty()
                ? 0
                : steps - Math.min((int) (steps * arguments.path("strength").asDouble()), steps);
        ObjectNode config = entry.path("scheduler_config").deepCopy();
        config.put("_class_name", scheduler(entry).orElseThrow());
        if (arguments.has("eta")) {
            config.set("eta", arguments.get("eta"));
        }
        SamplingPlan plan = SchedulerConfig.of("scheduler_config", config).plan(steps, skipped);
        int width = arguments.path("width").asInt(init.map(Picture::width).orElse(0));
        int height = arguments.path("height").asInt(init.map(Picture::height).orElse(0));
        List<String> prompts = texts(arguments, "prompt", 1).orElseThrow();
        List<String> second = texts(arguments, "prompt_2", prompts.size()).orElse(prompts);
        Optional<List<String>> negative = texts(arguments, "negative_prompt", prompts.size());
        return new Job(
                new Texts(prompts, second, 1 + arguments.path("clip_skip").asInt(0)), // diffusers counts skipped layers
                negative.map(each -> new Texts( // and skips none of them for negative prompts
                        each,
                        texts(arguments, "negative_prompt_2", prompts.size()).orElse(each),
                        1)),
                width,
                height,
                size(arguments, "", width, height),
                size(arguments, "negative_", width, height),
                plan,
                plan.steps().size(),
                arguments.path("guidance_scale").asDouble(),
                arguments.path("guidance_rescale").asDouble(0),
                init,
                () -> tape(values),
                ControlCases.addOns(check.set(), name(), entry));
    }

    /** What SDXL is told with the prompts, or with the negative ones; diffusers looks at what is negative where sizes are given. */
    private static MicroConditioning size(JsonNode arguments, String prefix, int width, int height) {
        boolean own = arguments.has(prefix + "original_size") && arguments.has(prefix + "target_size");
        String from = own ? prefix : "";
        JsonNode original = arguments.path(from + "original_size");
        JsonNode crop = arguments.path(from + "crops_coords_top_left");
        JsonNode target = arguments.path(from + "target_size");
        return new MicroConditioning(
                original.path(0).asInt(height),
                original.path(1).asInt(width),
                crop.path(0).asInt(0),
                crop.path(1).asInt(0),
                target.path(0).asInt(height),
                target.path(1).asInt(width),
                arguments
                        .path(prefix + "aesthetic_score")
                        .asDouble(
                                prefix.isEmpty()
                                        ? MicroConditioning.AESTHETIC_SCORE
                                        : MicroConditioning.NEGATIVE_AESTHETIC_SCORE));
    }

    /** A text for all images, or a list of one for each; empty where the field is missing. */
    private static Optional<List<String>> texts(JsonNode arguments, String field, int count) {
        JsonNode node = arguments.path(field);
        if (node.isMissingNode() || node.isNull()) {
            return Optional.empty();
        }
        if (!node.isArray()) {
            return Optional.of(Collections.nCopies(count, node.asText()));
        }
        List<String> texts = new ArrayList<>();
        node.forEach(each -> texts.add(each.asText()));
        return Optional.of(texts);
    }

    /** The stored draws in their order; the start first, where there is one. */
    private static Noise tape(Check.Values values) {
        List<float[]> draws = new ArrayList<>();
        if (values.has("latents_0")) {
            draws.add(values.floats("latents_0"));
        }
        for (int k = 0; values.has("noise." + k); k++) {
            draws.add(values.floats("noise." + k));
        }
        return Noise.fromHost(shape -> {
            if (draws.isEmpty()) {
                throw new IllegalStateException("more noise is drawn than the reference drew");
            }
            return draws.remove(0);
        });
    }

    private static String firstDeparture(Check.Case comparison, List<float[]> steps, Check.Values values) {
        if (!values.has("step_latents")) {
            return "";
        }
        float[] expected = values.floats("step_latents");
        int count = values.get("step_latents").shape().dim(0);
        int size = expected.length / count;
        for (int step = 0; step < Math.min(count, steps.size()); step++) {
            float[] reference = Arrays.copyOfRange(expected, step * size, (step + 1) * size);
            if (!comparison.agrees("latents", steps.get(step), reference)) {
                return "first departs after step " + step;
            }
        }
        return steps.size() == count ? "" : steps.size() + " steps were made, the reference has " + count;
    }

    private void comparePictures(Check check, String file, JsonNode entry, List<Picture> pictures) {
        for (int i = 0; i < entry.path("pngs").size(); i++) {
            String png = entry.path("pngs").path(i).asText();
            if (!Files.exists(check.set().file(name(), png))) {
                check.report(CaseResult.skipped(name(), png, "is not in this copy of the set"));
                continue;
            }
            byte[] expected = PictureReader.read(check.set().file(name(), png)).rgb();
            byte[] actual = pictures.get(i).rgb();
            int far = 0;
            int different = expected.length == actual.length ? 0 : actual.length;
            for (int k = 0; k < Math.min(expected.length, actual.length); k++) {
                int distance = Math.abs((expected[k] & 0xff) - (actual[k] & 0xff));
                far += distance > 1 ? 1 : 0;
                different += distance > 0 ? 1 : 0;
            }
            boolean agrees = far == 0 && different <= DIFFERING_PIXELS * actual.length;
            check.report(CaseResult.exact(
                    name(),
                    file,
                    png,
                    agrees,
                    different + " of " + actual.length + " values differ, " + far + " of them by more than a level"));
        }
    }
}
