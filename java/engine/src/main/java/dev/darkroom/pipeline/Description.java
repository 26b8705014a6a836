package dev.darkroom.pipeline;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.darkroom.image.InfoText;
import dev.darkroom.sampling.SchedulerConfig;
import dev.darkroom.sampling.SigmaSchedule;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What a PNG says of how its picture was made: AUTOMATIC1111's {@code parameters}, and the same as JSON under {@code darkroom}. */
final class Description {
    private static final ObjectMapper JSON = new ObjectMapper();

    private Description() {}

    /**
     * The texts by keyword.
     *
     * @param refiner the refiner's name; empty for none
     * @param device  the device and the type it computed in
     */
    static Map<String, String> of(
            Request request,
            Job job,
            SchedulerConfig scheduler,
            long seed,
            String model,
            String refiner,
            String device) {
        Map<String, String> values = new LinkedHashMap<>();
        values.put("Steps", Integer.toString(request.steps()));
        values.put("Sampler", scheduler.kind().title());
        if (scheduler.sigmaSchedule() != SigmaSchedule.DISCRETE) {
            values.put("Schedule type", scheduler.sigmaSchedule().title());
        }
        values.put("CFG scale", number(request.guidance()));
        values.put("Seed", Long.toString(seed));
        values.put("Size", job.width() + "x" + job.height());
        values.put("Model", model);
        if (request.init().isPresent()) {
            values.put("Denoising strength", number(request.strength()));
        }
        if (request.clipSkip() > 1) {
            values.put("Clip skip", Integer.toString(request.clipSkip()));
        }
        request.samplerParameters()
                .forEach((name, value) ->
                        values.put(name.replaceFirst("^eta$", "Eta").replaceFirst("^s_", "Sigma "), number(value)));
        if (request.guidanceRescale() > 0) {
            values.put("CFG Rescale", number(request.guidanceRescale()));
        }
        addSdxl(values, request, refiner);
        values.putAll(request.addOns().description());
        values.put("RNG", request.noise() == Request.NoiseSource.TORCH_CUDA ? "NV" : "CPU");
        values.put("Version", "Darkroom " + Darkroom.version());
        Map<String, String> texts = new LinkedHashMap<>();
        texts.put("parameters", new InfoText(request.prompt(), request.negativePrompt(), values).format());
        texts.put("darkroom", json(request, job, values, device));
        return texts;
    }

    /** The refiner under AUTOMATIC1111's names, the rest under diffusers'. */
    private static void addSdxl(Map<String, String> values, Request request, String refiner) {
        if (!refiner.isEmpty()) {
            values.put("Refiner", refiner);
            values.put("Refiner switch at", number(request.refinerSwitchAt().orElse(RequestCheck.REFINER_SWITCH_AT)));
        }
        SdxlOptions sdxl = request.sdxl();
        Map<String, @Nullable Object> told = new LinkedHashMap<>();
        told.put("Prompt 2", sdxl.prompt2());
        told.put("Negative prompt 2", sdxl.negativePrompt2());
        told.put("Original size", sdxl.originalSize());
        told.put("Crop top left", sdxl.cropTopLeft());
        told.put("Target size", sdxl.targetSize());
        told.put("Negative original size", sdxl.negativeOriginalSize());
        told.put("Negative crop top left", sdxl.negativeCropTopLeft());
        told.put("Negative target size", sdxl.negativeTargetSize());
        told.put("Aesthetic score", sdxl.aestheticScore());
        told.put("Negative aesthetic score", sdxl.negativeAestheticScore());
        told.forEach((name, value) -> {
            if (value != null) {
                values.put(name, value.toString());
            }
        });
    }

    private static String json(Request request, Job job, Map<String, String> values, String device) {
        ObjectNode json = JSON.createObjectNode();
        json.put("prompt", request.prompt()).put("negative_prompt", request.negativePrompt());
        putIfOther(
                json, "resolved_prompt", request.prompt(), job.prompts().first().get(0));
        job.negativePrompts()
                .ifPresent(texts -> putIfOther(
                        json,
                        "resolved_negative_prompt",
                        request.negativePrompt(),
                        texts.first().get(0)));
        values.forEach((name, value) -> json.put(name.toLowerCase(Locale.ROOT).replace(' ', '_'), value));
        return json.put("device", device).toString();
    }

    /** What wildcards have made of a prompt. */
    private static void putIfOther(ObjectNode json, String field, String asked, String settled) {
        if (!settled.equals(asked)) {
            json.put(field, settled);
        }
    }

    /** Without a needless ".0". */
    private static String number(double value) {
        return value == Math.rint(value) ? Long.toString((long) value) : Double.toString(value);
    }
}
