package dev.darkroom.pipeline;

import com.fasterxml.jackson.databind.JsonNode;
import dev.darkroom.device.Devices;
import dev.darkroom.sampling.Prediction;
import dev.darkroom.sampling.SchedulerConfig;
import dev.darkroom.tensor.Bytes;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Device;
import dev.darkroom.weights.ModelFamily;
import dev.darkroom.weights.ModelFiles;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A model on a device, ready to make pictures.
 *
 * <pre>{@code
 * try (Darkroom darkroom = Darkroom.open("models/demo")) {
 *     darkroom.generate(Request.of("a green tree on a sunny day").seed(7).build()).save(0, Path.of("tree.png"));
 * }
 * }</pre>
 *
 * <p>Requests of several threads are served one after the other.
 */
public final class Darkroom implements AutoCloseable {
    private final Device device;
    private final LoadedModel model;
    private final @Nullable LoadedModel refiner;
    private final AddOnNetworks addOns;
    private final RequestCheck check;
    private final double loadSeconds;
    private boolean closed;

    private Darkroom(
            ModelFiles files,
            @Nullable ModelFiles refinerFiles,
            Device device,
            DType dtype,
            @Nullable Prediction prediction,
            long begun) {
        this.device = device;
        addOns = AddOnNetworks.on(device);
        SchedulerConfig scheduler =
                prediction == null ? scheduler(files) : scheduler(files).with(prediction);
        model = LoadedModel.of(device, files, dtype);
        if (refinerFiles == null) {
            refiner = null;
        } else {
            requireRefiner(files, refinerFiles, scheduler);
            refiner = LoadedModel.of(device, refinerFiles, dtype);
        }
        try {
            load();
            if (prediction == null && files.isPredictionAssumed()) {
                scheduler = scheduler.with(
                        PredictionProbe.ask(device, model.networks().unet()));
            }
        } catch (RuntimeException | Error e) {
            release();
            throw e;
        }
        check = new RequestCheck(model, scheduler, refiner != null);
        loadSeconds = (System.nanoTime() - begun) / 1e9;
    }

    private static SchedulerConfig scheduler(ModelFiles files) {
        return SchedulerConfig.of(files.location() + ", scheduler/scheduler_config.json", files.config("scheduler"));
    }

    private static void requireRefiner(ModelFiles base, ModelFiles refiner, SchedulerConfig scheduler) {
        if (base.family() != ModelFamily.SDXL) {
            throw new InvalidRequestException("a refiner goes behind an SDXL base model, and " + base.location()
                    + " is " + base.family().title() + "; leave --refiner out, or give an SDXL model");
        }
        if (!refiner.family().isXl()) {
            throw new InvalidRequestException(
                    refiner.location() + " is " + refiner.family().title()
                            + ", whose latents mean nothing to SDXL; give SDXL's refiner, or another SDXL model");
        }
        if (scheduler(refiner).prediction() != scheduler.prediction()) {
            throw new InvalidRequestException("the refiner " + refiner.location() + " and the model " + base.location()
                    + " predict different things (prediction_type); they cannot share their steps");
        }
    }

    /** Loads all weights, so that requests need not wait for them; where they do not fit together, each is loaded when its turn comes. */
    private void load() {
        if (Estimate.weightBytes(model, refiner) <= device.pool().limit()) {
            model.networks().load();
            if (refiner != null) {
                refiner.networks().loadForRefining();
            }
        }
    }

    private void release() {
        addOns.close();
        model.close();
        if (refiner != null) {
            refiner.close();
        }
    }

    /** The version of this engine. */
    public static String version() {
        return Optional.ofNullable(Darkroom.class.getPackage().getImplementationVersion())
                .orElse("development");
    }

    /** Opens a model (a diffusers folder, a single file, or org/name of the Hugging Face cache) on the best device there is. */
    public static Darkroom open(String model) {
        return builder(model).open();
    }

    /** Opens a model with other than the usual settings. */
    public static Builder builder(String model) {
        return new Builder(model);
    }

    /** The settings of a {@link Darkroom}. */
    public static final class Builder {
        private final String model;
        private @Nullable String refiner;
        private String device = "auto";
        private @Nullable DType dtype;
        private int threads;
        private @Nullable Prediction prediction;
        private long memoryLimit = Long.MAX_VALUE;
        private Map<String, JsonNode> configs = Map.of();

        private Builder(String model) {
            this.model = model;
        }

        /** A model that takes the last steps (SDXL's refiner); null for none. */
        public Builder refiner(@Nullable String newRefiner) {
            refiner = newRefiner;
            return this;
        }

        /** {@code auto}, {@code cpu}, {@code cuda} or {@code cuda:N}. */
        public Builder device(String spec) {
            device = spec;
            return this;
        }

        /** The type to compute in; null for the one that the device prefers. */
        public Builder dtype(@Nullable DType type) {
            dtype = type;
            return this;
        }

        /** What the model predicts; null for what its files say, or what it answers where they say nothing. */
        public Builder prediction(@Nullable Prediction type) {
            prediction = type;
            return this;
        }

        /** Configs that replace those of the model's files, by component: for what the tensors of a single file do not tell, as head counts. */
        public Builder configs(Map<String, JsonNode> byComponent) {
            configs = Map.copyOf(byComponent);
            return this;
        }

        /** The most bytes of the device's memory to take. Networks that do not fit into it together take turns. */
        public Builder memoryLimit(long bytes) {
            memoryLimit = bytes;
            return this;
        }

        /** Threads of the CPU device; 0 for as many as there are cores. */
        public Builder threads(int count) {
            threads = count;
            return this;
        }

        /**
         * Opens device and model.
         *
         * @throws dev.darkroom.device.DeviceUnavailableException when the device cannot be had
         * @throws InvalidRequestException when the refiner does not go with the model
         * @throws dev.darkroom.weights.WeightsException when a model is missing, broken or of an unknown kind
         */
        public Darkroom open() {
            long begun = System.nanoTime();
            ModelFiles files = ModelFiles.open(model, configs);
            ModelFiles refinerFiles = refiner == null ? null : ModelFiles.open(refiner);
            Device opened = Devices.open(device, threads);
            opened.pool().setLimit(memoryLimit);
            try {
                DType type = dtype == null ? opened.preferredType() : dtype;
                return new Darkroom(files, refinerFiles, opened, type, prediction, begun);
            } catch (RuntimeException | Error e) {
                opened.close();
                throw e;
            }
        }
    }

    public ModelFiles model() {
        return model.files();
    }

    public Device device() {
        return device;
    }

    /** The type the networks compute in. */
    public DType dtype() {
        return model.dtype();
    }

    /** What the model's U-Net predicts, as its files say or as it answered. */
    public Prediction prediction() {
        return check.prediction();
    }

    /** How long opening took, weights included. */
    public double loadSeconds() {
        return loadSeconds;
    }

    /** The networks alone, for measurements. */
    public NetworkBench networks() {
        return new NetworkBench(device, model.networks(), dtype());
    }

    /** Height of the latents of a request's pictures. */
    public int latentHeight(Request request) {
        return check.job(request).height() / model.networks().vaeConfig().downscale();
    }

    /** Width of the latents of a request's pictures. */
    public int latentWidth(Request request) {
        return check.job(request).width() / model.networks().vaeConfig().downscale();
    }

    /** What a request will take. @throws InvalidRequestException when it cannot be served as it is */
    public Estimate estimate(Request request) {
        return plan(check.job(RequestPrompts.resolve(request).get(0))).estimate();
    }

    /** What a request would take if the networks took turns in memory. */
    Estimate estimateInTurns(Request request) {
        return Estimate.of(
                model, refiner, check.job(RequestPrompts.resolve(request).get(0)), true);
    }

    /** Makes pictures. @throws InvalidRequestException when the request cannot be served as it is */
    public Result generate(Request request) {
        return generate(request, Monitor.NONE);
    }

    /**
     * Makes pictures, watched by {@code monitor}.
     *
     * @throws InvalidRequestException when the request cannot be served as it is; nothing has been computed then
     * @throws CancelledException when the monitor ended it
     * @throws dev.darkroom.tensor.OutOfDeviceMemoryException when the device has no room for it; the next request may have
     * @throws dev.darkroom.tensor.DeviceLostException when the device cannot be used any more
     */
    public synchronized Result generate(Request request, Monitor monitor) {
        if (closed) {
            throw new IllegalStateException("this Darkroom was closed; open the model again");
        }
        check.job(request); // refuses what is wrong with more than its prompts
        List<Result> results = new ArrayList<>();
        for (Request run : RequestPrompts.resolve(request)) {
            results.add(generate(request, run, monitor));
        }
        return Result.joined(results);
    }

    /** Makes the pictures of {@code request}, which is {@code asked} or a part of it with its prompts settled. */
    private Result generate(Request asked, Request request, Monitor monitor) {
        Job job = check.job(request);
        PromptReport prompts = PromptReport.of(model.text(), job);
        addOns.keepOnly(job.addOns().networks());
        Plan plan = plan(job);
        requireMemory(request, plan.estimate());
        device.pool().resetPeak();
        Generation.Outcome outcome =
                new Generation(device, model, refiner, plan.sequential(), addOns).run(job, monitor);
        List<Long> seeds = new ArrayList<>();
        List<Map<String, String>> texts = new ArrayList<>();
        SchedulerConfig scheduler = check.scheduler(request);
        String refinerName = refiner == null ? "" : name(refiner);
        for (int i = 0; i < request.count(); i++) {
            seeds.add(request.seed() + i);
            texts.add(Description.of(
                    asked,
                    job,
                    scheduler,
                    request.seed() + i,
                    name(model),
                    refinerName,
                    device.name() + " " + dtype()));
        }
        List<String> warnings = new ArrayList<>(prompts.warnings());
        if (plan.sequential()) {
            warnings.add("the networks do not fit into memory together (" + Bytes.format(plan.resident()) + " of "
                    + Bytes.format(device.pool().limit()) + "); each was loaded when its turn came");
        }
        warnings.addAll(outcome.warnings());
        return new Result(
                outcome.pictures(),
                seeds,
                texts,
                List.copyOf(warnings),
                prompts.tokens(),
                outcome.timings(),
                device.pool().statistics());
    }

    /**
     * How a job will be carried out.
     *
     * @param sequential whether the networks take turns in memory, since they do not fit together
     * @param resident   the peak with all of them in memory
     */
    private record Plan(Estimate estimate, boolean sequential, long resident) {}

    private Plan plan(Job job) {
        Estimate together = Estimate.of(model, refiner, job, false);
        if (together.peakBytes() <= device.pool().limit()) {
            return new Plan(together, false, together.peakBytes());
        }
        return new Plan(Estimate.of(model, refiner, job, true), true, together.peakBytes());
    }

    /** Waits for a request that is being served. */
    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            try (device) {
                release();
            }
        }
    }

    private void requireMemory(Request request, Estimate estimate) {
        long limit = device.pool().limit();
        if (estimate.peakBytes() > limit) {
            throw new InvalidRequestException("this request would take " + Bytes.format(estimate.peakBytes())
                    + " of memory (" + Bytes.format(estimate.weightBytes()) + " of it weights), and device "
                    + device.name() + " has "
                    + Bytes.format(limit) + "; make width and height smaller, or the batch count, which is "
                    + request.count());
        }
    }

    private static String name(LoadedModel model) {
        String location = model.files().location();
        Path file = Path.of(location).getFileName();
        return file == null ? location : file.toString();
    }
}
