package dev.darkroom.reference;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.darkroom.image.Picture;
import dev.darkroom.image.PictureReader;
import dev.darkroom.pipeline.Generation;
import dev.darkroom.pipeline.Job;
import dev.darkroom.pipeline.Monitor;
import dev.darkroom.pipeline.Networks;
import dev.darkroom.pipeline.Noise;
import dev.darkroom.pipeline.Tokenizers;
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

    private static String unsupported(JsonNode entry) {
        String pipeline = entry.path("pipeline").asText();
        if (!pipeline.equals("StableDiffusionPipeline") && !pipeline.equals("StableDiffusionImg2ImgPipeline")) {
            return pipeline + " is not supported yet";
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
        try (Networks networks = Networks.load(check.device(), model, check.dtype())) {
            check.device().observe((path, result) -> {
                // The first tensor that leaves the scope of a step is the sample.
                if (path.matches("request/denoise/steps\\.\\d+")
                        && steps.size() == Integer.parseInt(path.replaceAll("\\D", ""))) {
                    steps.add(Check.download(result));
                }
            });
            Generation.Outcome outcome = new Generation(check.device(), networks, Tokenizers.of(model), model.family())
                    .run(job, Monitor.NONE);
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
        List<String> prompts = texts(arguments.path("prompt"), 1);
        return new Job(
                prompts,
                texts(arguments.path("negative_prompt"), prompts.size()),
                arguments.path("width").asInt(init.map(Picture::width).orElse(0)),
                arguments.path("height").asInt(init.map(Picture::height).orElse(0)),
                plan,
                arguments.path("guidance_scale").asDouble(),
                arguments.path("guidance_rescale").asDouble(0),
                1 + arguments.path("clip_skip").asInt(0), // diffusers counts skipped layers
                1, // and skips none of them for negative prompts
                init,
                tape(values));
    }

    /** A text for all images, or a list of one for each. */
    private static List<String> texts(JsonNode node, int count) {
        if (!node.isArray()) {
            return Collections.nCopies(count, node.asText(""));
        }
        List<String> texts = new ArrayList<>();
        node.forEach(each -> texts.add(each.asText()));
        return texts;
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
