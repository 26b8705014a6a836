package dev.darkroom.sampling;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.darkroom.weights.Config;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The configuration of a sampler, as scheduler_config.json of a model folder has it; what it leaves out has the defaults of diffusers'
 * class, and what that class does not know has no effect.
 */
public final class SchedulerConfig {
    /** Fields that mean something else in each class, so that another sampler starts from its own defaults. */
    private static final List<String> OF_ONE_CLASS = List.of("solver_order", "solver_type", "algorithm_type");

    private final String source;
    private final ObjectNode json; // as given
    private final ObjectNode known; // to the sampler's class
    private final Config config; // of the known fields
    private final SamplerKind kind;
    private final @Nullable SigmaSchedule schedule; // asked for; null for that of the fields

    private SchedulerConfig(String source, ObjectNode json, SamplerKind kind, @Nullable SigmaSchedule schedule) {
        this.source = source;
        this.json = json;
        this.known = json.deepCopy().retain(kind.schedulerClass().fields());
        this.config = new Config(source, known);
        this.kind = kind;
        this.schedule = schedule;
    }

    /**
     * Reads a scheduler_config.json.
     *
     * @param source where it stands, for messages
     * @throws IllegalArgumentException when its class is not one of the known samplers
     */
    public static SchedulerConfig of(String source, JsonNode json) {
        String className = json.path("_class_name").asText();
        boolean stochastic = json.path("algorithm_type").asText().startsWith("sde-");
        for (SamplerKind kind : SamplerKind.values()) {
            if (kind.className().equals(className)) {
                boolean sde = stochastic && kind == SamplerKind.DPMPP_2M;
                return new SchedulerConfig(source, json.deepCopy(), sde ? SamplerKind.DPMPP_2M_SDE : kind, null);
            }
        }
        throw new IllegalArgumentException(
                source + ": _class_name \"" + className + "\" is unknown; known are " + SamplerKind.classNames());
    }

    /** What this configuration says of the model, with another sampler; the sampler's own options start from their defaults. */
    public SchedulerConfig with(SamplerKind other) {
        if (other.schedulerClass().isOfRange() != kind.schedulerClass().isOfRange()) {
            boolean isOfRange = kind.schedulerClass().isOfRange();
            throw new IllegalArgumentException("the sampler " + other.title()
                    + " is not for models that were trained as "
                    + source + " says; take one of "
                    + SamplerKind.titlesWhere(each -> each.schedulerClass().isOfRange() == isOfRange));
        }
        ObjectNode changed = json.deepCopy();
        if (other != kind) {
            changed.remove(OF_ONE_CLASS);
        }
        other.options().forEach(changed::put);
        boolean isForeign = other.schedulerClass().isForeign();
        return new SchedulerConfig(source, changed, other, isForeign ? other.automatic() : null);
    }

    /**
     * This configuration with a schedule of noise levels that was asked for by name, built as AUTOMATIC1111 builds it.
     *
     * @throws IllegalArgumentException when the sampler does not take schedules
     */
    public SchedulerConfig with(SigmaSchedule other) {
        if (!kind.schedulerClass().takesSchedules() && other != SigmaSchedule.DISCRETE) {
            throw new IllegalArgumentException("the sampler " + kind.title()
                    + " has no schedule but discrete, asked for is " + other.title() + "; schedules belong to "
                    + SamplerKind.titlesWhere(each -> each.schedulerClass().takesSchedules()));
        }
        return new SchedulerConfig(source, json, kind, other);
    }

    /**
     * This configuration with a parameter of the sampler: eta, s_churn, s_tmin, s_tmax or s_noise.
     *
     * @throws IllegalArgumentException when the sampler does not have it
     */
    public SchedulerConfig with(String parameter, double value) {
        if (!kind.takes(parameter)) {
            throw new IllegalArgumentException("the sampler " + kind.title() + " has no " + parameter
                    + "; it belongs to " + SamplerKind.titlesWhere(each -> each.takes(parameter)));
        }
        return new SchedulerConfig(source, json.deepCopy().put(parameter, value), kind, schedule);
    }

    /** The schedule that was asked for by name; empty where the sampler's class decides. */
    Optional<SigmaSchedule> asked() {
        return Optional.ofNullable(schedule).filter(each -> each != SigmaSchedule.DISCRETE);
    }

    /** This configuration of a model that predicts something else. */
    public SchedulerConfig with(Prediction prediction) {
        ObjectNode changed = json.deepCopy();
        changed.put("prediction_type", prediction.name().toLowerCase(Locale.ROOT));
        return new SchedulerConfig(source, changed, kind, schedule);
    }

    public SamplerKind kind() {
        return kind;
    }

    /**
     * Compiles the sampler for {@code steps} steps, of which the first {@code skipped} are left out, as image to image does.
     *
     * @throws IllegalArgumentException when the sampler cannot make these steps, or a field has a value that is not supported
     */
    public SamplingPlan plan(int steps, int skipped) {
        if (steps < 1 || skipped < 0 || skipped >= steps) {
            throw new IllegalArgumentException(
                    "steps is " + steps + " and " + skipped + " of them are skipped; at least one must remain");
        }
        config.require("use_flow_sigmas", false);
        return kind.schedulerClass().sampler().plan(this, steps, skipped);
    }

    /** The noise schedule. */
    public NoiseSchedule noise() {
        boolean zeroTerminalSnr = config.flag("rescale_betas_zero_snr", false);
        boolean finiteSigma = kind.schedulerClass().hasSigmas();
        if (config.has("trained_betas")) {
            return NoiseSchedule.of(trainedBetas(known.path("trained_betas")), zeroTerminalSnr, finiteSigma);
        }
        return NoiseSchedule.of(
                betas(),
                real("beta_start", kind.schedulerClass().betaStart()),
                real("beta_end", kind.schedulerClass().betaEnd()),
                config.size("num_train_timesteps", 1000),
                zeroTerminalSnr,
                finiteSigma);
    }

    private double[] trainedBetas(JsonNode list) {
        double[] betas = new double[list.size()];
        for (int i = 0; i < betas.length; i++) {
            betas[i] = list.get(i).asDouble(Double.NaN);
        }
        if (betas.length == 0 || !Arrays.stream(betas).allMatch(beta -> beta >= 0 && beta < 1)) {
            throw config.fail("trained_betas", "must be a list of numbers from 0 to below 1");
        }
        return betas;
    }

    NoiseSchedule.Betas betas() {
        return choice("beta_schedule", kind.schedulerClass().betas());
    }

    /** What the model predicts. */
    public Prediction prediction() {
        return choice("prediction_type", Prediction.EPSILON);
    }

    Spacing spacing() {
        return kind.schedulerClass().takesSpacings()
                ? choice("timestep_spacing", kind.schedulerClass().spacing())
                : kind.schedulerClass().spacing();
    }

    int offset() {
        return config.integer("steps_offset", 0);
    }

    /** How noise levels are spaced. */
    public SigmaSchedule sigmaSchedule() {
        if (schedule != null) {
            return schedule;
        }
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
        return kind.schedulerClass() == SchedulerClass.DEIS
                || choice("final_sigmas_type", "zero", "sigma_min").equals("sigma_min");
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
        return config.has(field) ? known.path(field).asDouble() : absent;
    }

    /** A text that must be one of {@code options}, the first of which is the default. */
    String choice(String field, String... options) {
        config.require(field, (Object[]) options);
        return config.text(field, options[0]);
    }

    /** One of an enum's values, which are written in small letters. */
    private <E extends Enum<E>> E choice(String field, E absent) {
        E[] values = absent.getDeclaringClass().getEnumConstants();
        String[] names = Arrays.stream(values)
                .map(each -> each.name().toLowerCase(Locale.ROOT))
                .toArray(String[]::new);
        config.require(field, (Object[]) names);
        return config.has(field) ? values[Arrays.asList(names).indexOf(config.text(field, ""))] : absent;
    }

    /** Whether a list of numbers holds {@code value}. */
    boolean lists(String field, int value) {
        for (JsonNode each : known.path(field)) {
            if (each.asInt() == value) {
                return true;
            }
        }
        return false;
    }

    /** An error in {@code field}. */
    IllegalArgumentException fail(String field, String what) {
        return config.fail(field, what);
    }
}
