package dev.darkroom.pipeline;

import dev.darkroom.image.Picture;
import dev.darkroom.prompt.PromptRules;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** What to make: prompt, size, steps and so on; immutable, with the model's own or the field's usual values where nothing is said. */
public final class Request {
    /** Where noise comes from: torch's generator on the CPU, or the one it uses on CUDA devices. */
    public enum NoiseSource {
        TORCH_CPU,
        TORCH_CUDA
    }

    private final Builder values;

    private Request(Builder values) {
        this.values = values;
    }

    /** A request for pictures of {@code prompt}. */
    public static Builder of(String prompt) {
        return new Builder(prompt);
    }

    public String prompt() {
        return values.prompt;
    }

    /** What the picture should not be; empty text where nothing was said. */
    public String negativePrompt() {
        return values.negativePrompt == null ? "" : values.negativePrompt;
    }

    /** Whether a negative prompt was given, if only an empty one: SDXL tells the two apart. */
    public boolean hasNegativePrompt() {
        return values.negativePrompt != null;
    }

    /** Width in pixels; 0 for the model's own, or the init picture's. */
    public int width() {
        return values.width;
    }

    /** Height in pixels; 0 for the model's own, or the init picture's. */
    public int height() {
        return values.height;
    }

    public int steps() {
        return values.steps;
    }

    /** Classifier-free guidance (Ho and Salimans 2021): 1 or less for none. */
    public double guidance() {
        return values.guidance;
    }

    /** How far guided predictions are brought back to the deviation of unguided ones (Lin et al. 2023), 0 … 1. */
    public double guidanceRescale() {
        return values.guidanceRescale;
    }

    /** The seed of the first picture; picture i has seed + i. */
    public long seed() {
        return values.seed;
    }

    /** How many pictures. */
    public int count() {
        return values.count;
    }

    /** The sampler's name; empty for the model's own. */
    public Optional<String> sampler() {
        return Optional.ofNullable(values.sampler);
    }

    /** The name of the schedule of noise levels (discrete, karras, exponential); empty for the sampler's own. */
    public Optional<String> schedule() {
        return Optional.ofNullable(values.schedule);
    }

    /** The sampler's parameters that were set, by name: eta, s_churn, s_tmin, s_tmax, s_noise (docs/samplers.md). */
    public Map<String, Double> samplerParameters() {
        return Map.copyOf(values.samplerParameters);
    }

    /** From which layer, counted from the last, prompt and negative prompt are taken: 1 is the model's own, as AUTOMATIC1111 counts. */
    public int clipSkip() {
        return values.clipSkip;
    }

    /** The picture to start from; empty for text to image. */
    public Optional<Picture> init() {
        return Optional.ofNullable(values.init);
    }

    /** How much of the init picture is given up, 0 … 1. */
    public double strength() {
        return values.strength;
    }

    public NoiseSource noise() {
        return values.noise;
    }

    /** What only SDXL is told. */
    public SdxlOptions sdxl() {
        return values.sdxl;
    }

    /** At which share of the model's times the refiner takes over, 0 … 1; empty for the usual 0.8. Means nothing without a refiner. */
    public OptionalDouble refinerSwitchAt() {
        return values.refinerSwitchAt;
    }

    /** How prompts are read: AUTOMATIC1111's language with its own emphasis unless said otherwise. */
    public PromptRules promptRules() {
        return values.promptRules;
    }

    /** The folder of the text files that prompts name as {@code __name__}; empty for none. */
    public Optional<Path> wildcards() {
        return Optional.ofNullable(values.wildcards);
    }

    /** This request for some of its pictures, whose prompts are settled. */
    Request part(RequestPrompts.Settled prompts, long seed, int count) {
        Builder copy = values.copy(prompts.prompt());
        copy.negativePrompt = prompts.negativePrompt();
        copy.sdxl = sdxl().with(prompts.prompt2(), prompts.negativePrompt2());
        copy.seed = seed;
        copy.count = count;
        return new Request(copy);
    }

    /** The networks to be used beside the model: ControlNets, adapters, tiny autoencoders. */
    public AddOns addOns() {
        return values.addOns;
    }

    /** Collects the values of a request. */
    public static final class Builder {
        private final String prompt;
        private @Nullable String negativePrompt;
        private int width;
        private int height;
        private int steps = 20;
        private double guidance = 7;
        private double guidanceRescale;
        private long seed = 42;
        private int count = 1;
        private @Nullable String sampler;
        private @Nullable String schedule;
        private final Map<String, Double> samplerParameters = new TreeMap<>();
        private int clipSkip = 1;
        private @Nullable Picture init;
        private double strength = 0.75;
        private NoiseSource noise = NoiseSource.TORCH_CPU;
        private SdxlOptions sdxl = SdxlOptions.NONE;
        private AddOns addOns = AddOns.NONE;
        private OptionalDouble refinerSwitchAt = OptionalDouble.empty();
        private PromptRules promptRules = PromptRules.A1111;
        private @Nullable Path wildcards;

        private Builder(String prompt) {
            this.prompt = prompt;
        }

        /** What the picture should not be; null for nothing. */
        public Builder negativePrompt(@Nullable String text) {
            negativePrompt = text;
            return this;
        }

        /** Width and height in pixels. */
        public Builder size(int newWidth, int newHeight) {
            width = newWidth;
            height = newHeight;
            return this;
        }

        public Builder steps(int newSteps) {
            steps = newSteps;
            return this;
        }

        /** See {@link Request#guidance}. */
        public Builder guidance(double scale) {
            guidance = scale;
            return this;
        }

        /** See {@link Request#guidanceRescale}. */
        public Builder guidanceRescale(double factor) {
            guidanceRescale = factor;
            return this;
        }

        /** See {@link Request#seed}. */
        public Builder seed(long newSeed) {
            seed = newSeed;
            return this;
        }

        /** See {@link Request#count}. */
        public Builder count(int pictures) {
            count = pictures;
            return this;
        }

        /** See {@link Request#sampler}; null for the model's own. */
        public Builder sampler(@Nullable String name) {
            sampler = name;
            return this;
        }

        /** See {@link Request#schedule}; null for the sampler's own. */
        public Builder schedule(@Nullable String name) {
            schedule = name;
            return this;
        }

        /** Share of fresh noise in each step, 0 … 1, of samplers that have a choice. */
        public Builder eta(double share) {
            return samplerParameter("eta", share);
        }

        /** See {@link Request#samplerParameters}. */
        public Builder samplerParameter(String name, double value) {
            samplerParameters.put(name, value);
            return this;
        }

        /** See {@link Request#clipSkip}. */
        public Builder clipSkip(int layer) {
            clipSkip = layer;
            return this;
        }

        /** Starts from {@code picture}, resized to the request's size if it has another; null for text to image. */
        public Builder init(@Nullable Picture picture) {
            init = picture;
            return this;
        }

        /** See {@link Request#strength}. */
        public Builder strength(double share) {
            strength = share;
            return this;
        }

        /** See {@link Request#noise}. */
        public Builder noise(NoiseSource source) {
            noise = source;
            return this;
        }

        /** See {@link Request#addOns}. */
        public Builder addOns(AddOns others) {
            addOns = others;
            return this;
        }

        /** See {@link Request#sdxl}. */
        public Builder sdxl(SdxlOptions options) {
            sdxl = options;
            return this;
        }

        /** See {@link Request#refinerSwitchAt}. */
        public Builder refinerSwitchAt(OptionalDouble share) {
            refinerSwitchAt = share;
            return this;
        }

        /** See {@link Request#promptRules}. */
        public Builder promptRules(PromptRules rules) {
            promptRules = rules;
            return this;
        }

        /** See {@link Request#wildcards}; null for none. */
        public Builder wildcards(@Nullable Path folder) {
            wildcards = folder;
            return this;
        }

        /** The request with the values so far; later changes of the builder do not reach it. */
        public Request build() {
            return new Request(copy(prompt));
        }

        private Builder copy(String newPrompt) {
            Builder copy = new Builder(newPrompt);
            copy.negativePrompt = negativePrompt;
            copy.width = width;
            copy.height = height;
            copy.steps = steps;
            copy.guidance = guidance;
            copy.guidanceRescale = guidanceRescale;
            copy.seed = seed;
            copy.count = count;
            copy.sampler = sampler;
            copy.schedule = schedule;
            copy.samplerParameters.putAll(samplerParameters);
            copy.clipSkip = clipSkip;
            copy.init = init;
            copy.strength = strength;
            copy.noise = noise;
            copy.sdxl = sdxl;
            copy.addOns = addOns;
            copy.refinerSwitchAt = refinerSwitchAt;
            copy.promptRules = promptRules;
            copy.wildcards = wildcards;
            return copy;
        }
    }
}
