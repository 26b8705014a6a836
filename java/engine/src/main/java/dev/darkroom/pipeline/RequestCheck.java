package dev.darkroom.pipeline;

import dev.darkroom.image.Picture;
import dev.darkroom.models.unet.UNetConfig;
import dev.darkroom.models.vae.VaeConfig;
import dev.darkroom.sampling.Prediction;
import dev.darkroom.sampling.SamplerKind;
import dev.darkroom.sampling.SamplingPlan;
import dev.darkroom.sampling.SchedulerConfig;
import dev.darkroom.sampling.SigmaSchedule;
import dev.darkroom.weights.ModelFamily;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** From a request to a job: fills in what the model decides, and refuses what cannot be done before anything is computed. */
final class RequestCheck {
    private static final int MAX_STEPS = 1000;
    private static final int MAX_IMAGES = 256;
    private static final int DEFAULT_LATENT_SIZE = 64;

    /** Where the refiner takes over, in shares of the model's times: it was trained for the last fifth. */
    static final double REFINER_SWITCH_AT = 0.8;

    private final ModelFamily family;
    private final UNetConfig unet;
    private final VaeConfig vae;
    private final SchedulerConfig modelScheduler;
    private final int textLayers;
    private final boolean refines;

    /** @param refines whether there is a refiner */
    RequestCheck(LoadedModel model, SchedulerConfig modelScheduler, boolean refines) {
        this.family = model.files().family();
        this.unet = model.networks().unetConfig();
        this.vae = model.networks().vaeConfig();
        this.modelScheduler = modelScheduler;
        this.textLayers = model.text().layers();
        this.refines = refines;
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
        request.samplerParameters()
                .forEach((name, value) -> requireNumber(name, value, 0, name.equals("eta") ? 1 : 1000));
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
        checkFamily(request);
        SamplingPlan plan = plan(request);
        return new Job(
                texts(request, request.prompt(), request.sdxl().prompt2()),
                negativeTexts(request),
                width,
                height,
                request.sdxl().size(width, height),
                request.sdxl().negativeSize(width, height),
                plan,
                refinerFrom(request, plan),
                request.guidance(),
                request.guidanceRescale(),
                request.init().map(picture -> picture.resize(width, height)),
                () -> Noise.seeded(request.noise(), request.seed(), request.count()),
                new AddOnCheck(unet, vae).checked(request.addOns(), width, height));
    }

    private void checkFamily(Request request) {
        if (!family.isXl() && !request.sdxl().equals(SdxlOptions.NONE)) {
            throw new InvalidRequestException(
                    "prompt 2, sizes, crop and aesthetic score are options of SDXL, and this model is " + family.title()
                            + "; leave them out");
        }
        request.sdxl().fault().ifPresent(fault -> {
            throw new InvalidRequestException(fault);
        });
        if (family == ModelFamily.SDXL_REFINER && request.init().isEmpty()) {
            throw new InvalidRequestException(
                    "this model is the refiner of SDXL, which improves pictures and cannot begin"
                            + " one; give it one (img2img -i FILE), or put it behind a base model (-m BASE --refiner REFINER)");
        }
        if (!refines && request.refinerSwitchAt().isPresent()) {
            throw new InvalidRequestException(
                    "refiner switch at is " + request.refinerSwitchAt().getAsDouble()
                            + ", but there is no refiner; name one with --refiner MODEL");
        }
    }

    private static Texts texts(Request request, String first, @Nullable String second) {
        return Texts.repeated(first, second == null ? first : second, request.count(), request.clipSkip())
                .readBy(request.promptRules());
    }

    private static Optional<Texts> negativeTexts(Request request) {
        String second = request.sdxl().negativePrompt2();
        return request.hasNegativePrompt() || second != null
                ? Optional.of(texts(request, request.negativePrompt(), second))
                : Optional.empty();
    }

    /** The first step whose time is the refiner's; times count down, and a step of several calls is not divided. */
    private int refinerFrom(Request request, SamplingPlan plan) {
        List<SamplingPlan.Step> steps = plan.steps();
        if (!refines) {
            return steps.size();
        }
        if (plan.adaptive() != null) {
            throw new InvalidRequestException(
                    "DPM adaptive chooses its steps by the picture and cannot share them with a refiner;"
                            + " take another sampler, or leave --refiner out");
        }
        double share = request.refinerSwitchAt().orElse(REFINER_SWITCH_AT);
        require(share > 0 && share < 1, "refiner switch at", share, "above 0 and below 1");
        int times = modelScheduler.noise().times();
        long first = Math.round(times * (1 - share));
        for (int i = 0; i < steps.size(); i++) {
            if (steps.get(i).time() < first && (i == 0 || steps.get(i - 1).completes())) {
                return i;
            }
        }
        throw new InvalidRequestException("refiner switch at is " + share + ", which leaves none of the "
                + request.steps() + " steps to the refiner; make it smaller, or take more steps");
    }

    /** What the U-Net predicts. */
    Prediction prediction() {
        return modelScheduler.prediction();
    }

    /** The sampler that a request asks for, as it will be used. */
    SchedulerConfig scheduler(Request request) {
        try {
            SchedulerConfig config = modelScheduler;
            if (request.sampler().isPresent()) {
                SamplerKind.Choice choice = SamplerKind.parse(request.sampler().get());
                config = config.with(choice.kind());
                if (choice.schedule() != SigmaSchedule.DISCRETE) {
                    config = config.with(schedule(choice.schedule().title(), choice.kind()));
                }
            }
            if (request.schedule().isPresent()) {
                config = config.with(schedule(request.schedule().get(), config.kind()));
            }
            for (Map.Entry<String, Double> parameter :
                    request.samplerParameters().entrySet()) {
                config = config.with(parameter.getKey(), parameter.getValue());
            }
            return config;
        } catch (IllegalArgumentException e) {
            throw new InvalidRequestException(String.valueOf(e.getMessage()));
        }
    }

    /** The schedule called {@code name}, of the tables of this model. */
    private SigmaSchedule schedule(String name, SamplerKind kind) {
        SigmaSchedule schedule = SigmaSchedule.parse(name, kind);
        boolean isXl = unet.addedWidth() > 0;
        return schedule == SigmaSchedule.ALIGN_YOUR_STEPS && isXl ? SigmaSchedule.ALIGN_YOUR_STEPS_XL : schedule;
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
            SamplingPlan plan = scheduler(request).plan(request.steps(), skipped);
            if (plan.adaptive() != null && !request.addOns().controls().isEmpty()) {
                throw new InvalidRequestException(
                        "the steps of DPM adaptive are not known beforehand, so that no picture can guide"
                                + " a share of them; take another sampler with a ControlNet or a T2I-Adapter");
            }
            if (plan.adaptive() != null && request.count() > 1) {
                throw new InvalidRequestException("batch count is " + request.count()
                        + "; the steps of DPM adaptive depend on the picture, so that it makes one at a time: ask for them one by one, with seeds "
                        + request.seed() + ", " + (request.seed() + 1) + " …");
            }
            return plan;
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
