package dev.darkroom.pipeline;

import dev.darkroom.image.Picture;
import dev.darkroom.models.unet.UNetConfig;
import dev.darkroom.models.vae.VaeConfig;
import dev.darkroom.sampling.SamplerKind;
import dev.darkroom.sampling.SamplingPlan;
import dev.darkroom.sampling.SchedulerConfig;
import dev.darkroom.sampling.SigmaSchedule;
import java.util.Optional;

/** From a request to a job: fills in what the model decides, and refuses what cannot be done before anything is computed. */
final class RequestCheck {
    private static final int MAX_STEPS = 1000;
    private static final int MAX_IMAGES = 256;
    private static final int DEFAULT_LATENT_SIZE = 64;

    private final UNetConfig unet;
    private final VaeConfig vae;
    private final SchedulerConfig modelScheduler;
    private final int textLayers;

    /** @param textLayers the largest clip skip */
    RequestCheck(UNetConfig unet, VaeConfig vae, SchedulerConfig modelScheduler, int textLayers) {
        this.unet = unet;
        this.vae = vae;
        this.modelScheduler = modelScheduler;
        this.textLayers = textLayers;
    }

    /** The job that {@code request} asks for. @throws InvalidRequestException naming field, value and what is allowed */
    Job job(Request request) {
        require(request.steps() >= 1 && request.steps() <= MAX_STEPS, "steps", request.steps(), "1 to " + MAX_STEPS);
        require(
                request.count() >= 1 && request.count() <= MAX_IMAGES,
                "batch count",
                request.count(),
                "1 to " + MAX_IMAGES);
        requireNumber("cfg scale", request.guidance(), 0, 1000);
        requireNumber("guidance rescale", request.guidanceRescale(), 0, 1);
        requireNumber("eta", request.eta(), 0, 1);
        requireNumber("strength", request.strength(), 0, 1);
        require(
                request.clipSkip() >= 1 && request.clipSkip() <= textLayers,
                "clip skip",
                request.clipSkip(),
                "1 to " + textLayers + ", as many as this model's text encoder has layers");
        if (unet.inChannels() != vae.latentChannels()) {
            throw new InvalidRequestException(
                    "this model's U-Net takes " + unet.inChannels() + " channels where latents have "
                            + vae.latentChannels() + ": an inpainting model. Inpainting is not supported yet");
        }
        int width = size("width", request.width(), request.init().map(Picture::width));
        int height = size("height", request.height(), request.init().map(Picture::height));
        return new Job(
                texts(request, request.prompt()),
                Optional.of(texts(request, request.negativePrompt())),
                width,
                height,
                MicroConditioning.of(height, width, MicroConditioning.AESTHETIC_SCORE),
                MicroConditioning.of(height, width, MicroConditioning.NEGATIVE_AESTHETIC_SCORE),
                plan(request),
                request.guidance(),
                request.guidanceRescale(),
                request.init().map(picture -> picture.resize(width, height)),
                () -> Noise.seeded(request.noise(), request.seed(), request.count()));
    }

    private static Texts texts(Request request, String text) {
        return Texts.repeated(text, text, request.count(), request.clipSkip());
    }

    /** The sampler that a request asks for, as it will be used. */
    SchedulerConfig scheduler(Request request) {
        try {
            SchedulerConfig config = modelScheduler;
            if (request.sampler().isPresent()) {
                SamplerKind.Choice choice = SamplerKind.parse(request.sampler().get());
                config = config.with(choice.kind());
                if (choice.schedule() != SigmaSchedule.DISCRETE) {
                    config = config.with(choice.schedule());
                }
            }
            return request.schedule().isPresent()
                    ? config.with(SigmaSchedule.parse(request.schedule().get()))
                    : config;
        } catch (IllegalArgumentException e) {
            throw new InvalidRequestException(String.valueOf(e.getMessage()));
        }
    }

    private SamplingPlan plan(Request request) {
        int skipped = 0;
        if (request.init().isPresent()) {
            int run = Math.min((int) (request.steps() * request.strength()), request.steps());
            if (run < 1) {
                throw new InvalidRequestException("strength " + request.strength() + " of " + request.steps()
                        + " steps leaves no step to run; make one of them larger");
            }
            skipped = request.steps() - run;
        }
        try {
            return scheduler(request).plan(request.steps(), skipped, request.eta());
        } catch (IllegalArgumentException e) {
            throw new InvalidRequestException(String.valueOf(e.getMessage()));
        }
    }

    /** The size asked for, else the init picture's rounded down, else the model's own. */
    private int size(String field, int asked, Optional<Integer> init) {
        int multiple = vae.downscale();
        int latent = unet.sampleSize() > 0 ? unet.sampleSize() : DEFAULT_LATENT_SIZE;
        int size =
                asked > 0 ? asked : init.map(each -> each / multiple * multiple).orElse(latent * multiple);
        require(
                asked >= 0 && size >= multiple && size % multiple == 0,
                field,
                asked > 0 || init.isEmpty() ? asked : init.get(),
                "a positive multiple of " + multiple);
        return size;
    }

    private static void requireNumber(String field, double value, double least, double most) {
        require(value >= least && value <= most, field, value, least + " to " + most); // false for NaN
    }

    private static void require(boolean holds, String field, Object value, String allowed) {
        if (!holds) {
            throw new InvalidRequestException(field + " is " + value + "; must be " + allowed);
        }
    }
}
