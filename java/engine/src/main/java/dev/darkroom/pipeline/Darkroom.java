package dev.darkroom.pipeline;

import dev.darkroom.device.Devices;
import dev.darkroom.sampling.SchedulerConfig;
import dev.darkroom.tensor.Bytes;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Device;
import dev.darkroom.tokenizer.ClipTokenizer;
import dev.darkroom.tokenizer.TokenizedPrompt;
import dev.darkroom.weights.ModelFiles;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
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
    private final ModelFiles model;
    private final Device device;
    private final DType dtype;
    private final Networks networks;
    private final List<ClipTokenizer> tokenizers;
    private final Generation generation;
    private final RequestCheck check;
    private final double loadSeconds;
    private boolean closed;

    private Darkroom(ModelFiles model, Device device, DType dtype, long begun) {
        this.model = model;
        this.device = device;
        this.dtype = dtype;
        tokenizers = Tokenizers.of(model);
        SchedulerConfig scheduler =
                SchedulerConfig.of(model.location() + ", scheduler/scheduler_config.json", model.config("scheduler"));
        networks = Networks.load(device, model, dtype);
        generation = new Generation(device, networks, tokenizers, model.family());
        check = new RequestCheck(
                networks.unet().config(),
                networks.vae().config(),
                scheduler,
                generation.text().layers());
        loadSeconds = (System.nanoTime() - begun) / 1e9;
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
        private String device = "auto";
        private @Nullable DType dtype;
        private int threads;

        private Builder(String model) {
            this.model = model;
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

        /** Threads of the CPU device; 0 for as many as there are cores. */
        public Builder threads(int count) {
            threads = count;
            return this;
        }

        /**
         * Opens device and model.
         *
         * @throws dev.darkroom.device.DeviceUnavailableException when the device cannot be had
         * @throws dev.darkroom.weights.WeightsException when the model is missing, broken or of an unknown kind
         */
        public Darkroom open() {
            long begun = System.nanoTime();
            ModelFiles files = ModelFiles.open(model);
            Device opened = Devices.open(device, threads);
            try {
                return new Darkroom(files, opened, dtype == null ? opened.preferredType() : dtype, begun);
            } catch (RuntimeException | Error e) {
                opened.close();
                throw e;
            }
        }
    }

    public ModelFiles model() {
        return model;
    }

    public Device device() {
        return device;
    }

    /** The type the networks compute in. */
    public DType dtype() {
        return dtype;
    }

    /** How long opening took, weights included. */
    public double loadSeconds() {
        return loadSeconds;
    }

    /** The networks alone, for measurements. */
    public NetworkBench networks() {
        return new NetworkBench(device, networks, dtype);
    }

    /** Height of the latents of a request's pictures. */
    public int latentHeight(Request request) {
        return check.job(request).height() / networks.vae().config().downscale();
    }

    /** Width of the latents of a request's pictures. */
    public int latentWidth(Request request) {
        return check.job(request).width() / networks.vae().config().downscale();
    }

    /** What a request will take. @throws InvalidRequestException when it cannot be served as it is */
    public Estimate estimate(Request request) {
        return Estimate.of(model, tokenizers, dtype, check.job(request));
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
        Job job = check.job(request);
        requireMemory(request, Estimate.of(model, tokenizers, dtype, job));
        device.pool().resetPeak();
        Generation.Outcome outcome = generation.run(job, monitor);
        List<Long> seeds = new ArrayList<>();
        List<Map<String, String>> texts = new ArrayList<>();
        SchedulerConfig scheduler = check.scheduler(request);
        for (int i = 0; i < request.count(); i++) {
            seeds.add(request.seed() + i);
            texts.add(Description.of(request, job, scheduler, request.seed() + i, name(), device.name() + " " + dtype));
        }
        return new Result(
                outcome.pictures(),
                seeds,
                texts,
                warnings(request),
                outcome.timings(),
                device.pool().statistics());
    }

    /** Waits for a request that is being served. */
    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            try (device) {
                networks.close();
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

    private String name() {
        Path file = Path.of(model.location()).getFileName();
        return file == null ? model.location() : file.toString();
    }

    private List<String> warnings(Request request) {
        Set<String> warnings = new LinkedHashSet<>();
        for (ClipTokenizer tokenizer : tokenizers) {
            warnCutOff(warnings, "prompt", tokenizer, request.prompt());
            warnCutOff(warnings, "negative prompt", tokenizer, request.negativePrompt());
        }
        return List.copyOf(warnings);
    }

    private static void warnCutOff(Set<String> warnings, String field, ClipTokenizer tokenizer, String text) {
        TokenizedPrompt prompt = tokenizer.tokenize(text);
        if (!prompt.cutOff().isEmpty()) {
            warnings.add("the " + field + " has " + prompt.tokens() + " tokens, and the model takes "
                    + (tokenizer.maxLength() - 2) + "; left out: \"" + prompt.cutOff() + "\"");
        }
    }
}
