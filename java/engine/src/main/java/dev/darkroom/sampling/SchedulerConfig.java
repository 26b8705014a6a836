package dev.darkroom.sampling;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.darkroom.weights.Config;
import org.jspecify.annotations.Nullable;

/** The configuration of a sampler, as scheduler_config.json of a model folder has it; what it leaves out has diffusers' defaults. */
public final class SchedulerConfig {
    private final String source;
    private final ObjectNode json;
    private final Config config;
    private final SamplerKind kind;

    private SchedulerConfig(String source, ObjectNode json, SamplerKind kind) {
        this.source = source;
        this.json = json;
        this.config = new Config(source, json);
        this.kind = kind;
    }

    /**
     * Reads a scheduler_config.json.
     *
     * @param source where it stands, for messages
     * @throws IllegalArgumentException when its class is not one of the known samplers
     */
    public static SchedulerConfig of(String source, JsonNode json) {
        return new SchedulerConfig(
                source,
                json.deepCopy(),
                SamplerKind.ofClass(json.path("_class_name").asText()));
    }

    /** What this configuration says of the model, with another sampler; the sampler's own options start from their defaults. */
    public SchedulerConfig with(SamplerKind other) {
        ObjectNode changed = json.deepCopy();
        if (other != kind) {
            changed.remove("solver_order");
            changed.remove("solver_type");
            changed.remove("algorithm_type");
        }
        other.options().forEach(changed::put);
        changed.put("_class_name", other.className());
        return new SchedulerConfig(source, changed, other);
    }

    /** This configuration with another schedule of noise levels. */
    public SchedulerConfig with(SigmaSchedule schedule) {
        if (!kind.hasSigmas() && schedule != SigmaSchedule.DISCRETE) {
            throw new IllegalArgumentException("the sampler " + kind.title()
                    + " has no schedule but discrete; schedules belong to " + SamplerKind.titlesWithSigmas());
        }
        ObjectNode changed = json.deepCopy();
        changed.put("use_karras_sigmas", schedule == SigmaSchedule.KARRAS);
        changed.put("use_exponential_sigmas", schedule == SigmaSchedule.EXPONENTIAL);
        changed.put("use_beta_sigmas", schedule == SigmaSchedule.BETA);
        return new SchedulerConfig(source, changed, kind);
    }

    public SamplerKind kind() {
        return kind;
    }

    /** Compiles the sampler for {@code steps} steps, of which the first {@code skipped} are left out, as image to image does. */
    public SamplingPlan plan(int steps, int skipped, double eta) {
        return kind.sampler().plan(this, steps, skipped, eta);
    }

    /** The noise schedule. */
    public NoiseSchedule noise() {
        boolean zeroTerminalSnr = config.flag("rescale_betas_zero_snr", false);
        boolean finiteSigma = kind.hasSigmas();
        if (json.path("trained_betas").isArray()) {
            double[] betas = new double[json.get("trained_betas").size()];
            for (int i = 0; i < betas.length; i++) {
                betas[i] = json.get("trained_betas").get(i).asDouble();
            }
            return NoiseSchedule.of(betas, zeroTerminalSnr, finiteSigma);
        }
        return NoiseSchedule.of(
                NoiseSchedule.Betas.parse(config.text("beta_schedule", "linear")),
                real("beta_start", 0.0001),
                real("beta_end", 0.02),
                config.size("num_train_timesteps", 1000),
                zeroTerminalSnr,
                finiteSigma);
    }

    Prediction prediction() {
        return Prediction.parse(config.text("prediction_type", "epsilon"));
    }

    Spacing spacing() {
        return Spacing.parse(config.text("timestep_spacing", kind.hasSigmas() ? "linspace" : "leading"));
    }

    int offset() {
        return config.integer("steps_offset", 0);
    }

    /** How noise levels are spaced. */
    public SigmaSchedule sigmaSchedule() {
        if (config.flag("use_karras_sigmas", false)) {
            return SigmaSchedule.KARRAS;
        }
        if (config.flag("use_exponential_sigmas", false)) {
            return SigmaSchedule.EXPONENTIAL;
        }
        return config.flag("use_beta_sigmas", false) ? SigmaSchedule.BETA : SigmaSchedule.DISCRETE;
    }

    /** Whether noise ends at the model's smallest σ instead of 0. */
    boolean endsAtSmallestSigma() {
        config.require("final_sigmas_type", "zero", "sigma_min");
        return config.text("final_sigmas_type", "zero").equals("sigma_min");
    }

    /** What predicted pictures are bounded by; null for nothing. */
    SamplingPlan.@Nullable Bound bound(boolean clipsByDefault) {
        if (config.flag("thresholding", false)) {
            return new SamplingPlan.Bound.Threshold(
                    real("dynamic_thresholding_ratio", 0.995), real("sample_max_value", 1));
        }
        return config.flag("clip_sample", clipsByDefault)
                ? new SamplingPlan.Bound.Clip(real("clip_sample_range", 1))
                : null;
    }

    boolean flag(String field, boolean absent) {
        return config.flag(field, absent);
    }

    int integer(String field, int absent) {
        return config.integer(field, absent);
    }

    /** A number in double precision. */
    double real(String field, double absent) {
        config.number(field, 0); // checks that it is one
        return config.has(field) ? json.get(field).asDouble() : absent;
    }

    /** A text that must be one of {@code known}, the first of which is the default. */
    String choice(String field, String... known) {
        config.require(field, (Object[]) known);
        return config.text(field, known[0]);
    }

    /** Whether a list of numbers holds {@code value}. */
    boolean lists(String field, int value) {
        for (JsonNode each : json.path(field)) {
            if (each.asInt() == value) {
                return true;
            }
        }
        return false;
    }
}
