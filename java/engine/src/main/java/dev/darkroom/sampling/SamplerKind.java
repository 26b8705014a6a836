package dev.darkroom.sampling;

import static java.util.stream.Collectors.joining;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Predicate;

/** The samplers, under every name that users of other programs know them by. */
public enum SamplerKind {
    DDPM("DDPM", SchedulerClass.DDPM, Map.of()),
    DDIM("DDIM", SchedulerClass.DDIM, Map.of()),
    DDIM_TRAILING("DDIM trailing", SchedulerClass.DDIM, Map.of("timestep_spacing", "trailing")),
    PNDM("PLMS", SchedulerClass.PNDM, Map.of(), "pndm"),
    EULER("Euler", SchedulerClass.EULER, Map.of()),
    EULER_A("Euler a", SchedulerClass.EULER_ANCESTRAL, Map.of(), "eulerancestral"),
    HEUN("Heun", SchedulerClass.HEUN, Map.of()),
    DPMPP_2M("DPM++ 2M", SchedulerClass.DPM_SOLVER, Map.of("algorithm_type", "dpmsolver++")),
    DPMPP_2M_SDE("DPM++ 2M SDE", SchedulerClass.DPM_SOLVER, Map.of("algorithm_type", "sde-dpmsolver++")),
    DPMPP_2M_SDE_HEUN(
            "DPM++ 2M SDE Heun",
            SchedulerClass.DPM_SOLVER,
            Map.of("algorithm_type", "sde-dpmsolver++", "solver_type", "heun")),
    UNIPC("UniPC", SchedulerClass.UNIPC, Map.of()),
    LMS("LMS", SchedulerClass.LMS, Map.of(), "ipndmv"), // which is linear multistep over uneven steps
    DPM2("DPM2", SchedulerClass.DPM2, Map.of()),
    DPM2_A("DPM2 a", SchedulerClass.DPM2_ANCESTRAL, Map.of(), "dpm2ancestral"),
    DEIS("DEIS", SchedulerClass.DEIS, Map.of()),
    LCM("LCM", SchedulerClass.LCM, Map.of()),
    TCD("TCD", SchedulerClass.TCD, Map.of()),
    DPMPP_2S("DPM++ 2S", SchedulerClass.DPM_SOLVER_SINGLESTEP, Map.of()),
    DPMPP_2S_A("DPM++ 2S a", SchedulerClass.DPMPP_2S_ANCESTRAL, Map.of(), "dpmpp2sancestral"),
    DPMPP_SDE("DPM++ SDE", SchedulerClass.DPM_SOLVER_SDE, Map.of()),
    DPMPP_2M_V2("DPM++ 2M v2", SchedulerClass.DPMPP_2M_V2, Map.of()),
    DPMPP_3M_SDE("DPM++ 3M SDE", SchedulerClass.DPMPP_3M_SDE, Map.of()),
    DPM_FAST("DPM fast", SchedulerClass.DPM_FAST, Map.of()),
    DPM_ADAPTIVE("DPM adaptive", SchedulerClass.DPM_ADAPTIVE, Map.of()),
    RESTART("Restart", SchedulerClass.RESTART, Map.of()),
    IPNDM("iPNDM", SchedulerClass.IPNDM, Map.of()),
    EULER_CFG_PP("Euler CFG++", SchedulerClass.EULER_CFG_PP, Map.of()),
    DDIM_CFG_PP("DDIM CFG++", SchedulerClass.DDIM_CFG_PP, Map.of()),
    EDM_EULER("EDM Euler", SchedulerClass.EDM_EULER, Map.of()),
    EDM_DPMPP_2M("EDM DPM++ 2M", SchedulerClass.EDM_DPM_SOLVER, Map.of());

    private final String title;
    private final SchedulerClass schedulerClass;
    private final Map<String, String> options;
    private final List<String> aliases;

    SamplerKind(String title, SchedulerClass schedulerClass, Map<String, String> options, String... aliases) {
        this.title = title;
        this.schedulerClass = schedulerClass;
        this.options = options;
        this.aliases = List.of(aliases);
    }

    /**
     * A sampler as users name it, with the schedule where the name says one.
     *
     * @param kind     the sampler
     * @param schedule the schedule; {@link SigmaSchedule#DISCRETE} where the name says none
     */
    public record Choice(SamplerKind kind, SigmaSchedule schedule) {}

    /**
     * The sampler called {@code name}, in AUTOMATIC1111's spelling ("DPM++ 2M Karras"), stable-diffusion.cpp's ("dpm++2m") or diffusers'
     * ("DPMSolverMultistepScheduler"), or as k-diffusion calls its function ("sample_dpmpp_2s_ancestral").
     *
     * @throws IllegalArgumentException naming the known ones
     */
    public static Choice parse(String name) {
        SigmaSchedule said = SigmaSchedule.DISCRETE;
        int length = 0; // of the longest title that the name ends with: "SGM Uniform" rather than "Uniform"
        for (SigmaSchedule schedule : SigmaSchedule.values()) {
            String suffix = " " + schedule.title().toLowerCase(Locale.ROOT);
            if (schedule != SigmaSchedule.DISCRETE
                    && suffix.length() > length
                    && name.toLowerCase(Locale.ROOT).endsWith(suffix)) {
                said = schedule;
                length = suffix.length();
            }
        }
        return new Choice(find(name.substring(0, name.length() - length)), said);
    }

    private static SamplerKind find(String name) {
        String plain = plain(name);
        for (SamplerKind kind : values()) {
            if (plain(kind.title).equals(plain)
                    || kind.className().equals(name)
                    || kind.aliases.contains(plain)
                    || plain.equals("k" + plain(kind.title))) {
                return kind;
            }
        }
        throw new IllegalArgumentException("unknown sampler \"" + name + "\"; known are " + titles());
    }

    /** The schedule that AUTOMATIC1111 gives the sampler where nothing is said. */
    public SigmaSchedule automatic() {
        if (!schedulerClass.takesSchedules()) {
            return SigmaSchedule.DISCRETE;
        }
        return switch (this) {
            case DPMPP_2M, DPMPP_2M_V2, DPMPP_SDE, DPMPP_2S, DPMPP_2S_A, DPM2, DPM2_A, RESTART -> SigmaSchedule.KARRAS;
            case DPMPP_2M_SDE, DPMPP_2M_SDE_HEUN, DPMPP_3M_SDE -> SigmaSchedule.EXPONENTIAL;
            case UNIPC, DEIS -> SigmaSchedule.DISCRETE;
            default -> SigmaSchedule.NORMAL;
        };
    }

    /** Whether the level before the last is left out of a schedule, as AUTOMATIC1111 does for samplers that are unsteady there. */
    boolean leavesOutLevelBeforeLast() {
        return this == DPM2 || this == DPM2_A || this == DPMPP_3M_SDE;
    }

    /** Whether the sampler has the parameter: eta, s_churn, s_tmin, s_tmax or s_noise. */
    boolean takes(String parameter) {
        boolean isEquation = schedulerClass == SchedulerClass.DPM_SOLVER && this == DPMPP_2M;
        return schedulerClass.fields().contains(parameter) && !isEquation;
    }

    /** Whether a diffusers class is one of the known samplers. */
    public static boolean hasClass(String className) {
        return Arrays.stream(values()).anyMatch(kind -> kind.className().equals(className));
    }

    /** The names of the classes, as messages list them. */
    static String classNames() {
        return Arrays.stream(SchedulerClass.values()).map(SchedulerClass::title).collect(joining(", "));
    }

    /** The names of all samplers, as messages and help list them. */
    public static String titles() {
        return titlesWhere(kind -> true);
    }

    static String titlesWhere(Predicate<SamplerKind> condition) {
        return Arrays.stream(values()).filter(condition).map(SamplerKind::title).collect(joining(", "));
    }

    /** The name people know it by. */
    public String title() {
        return title;
    }

    /** The name of diffusers' class. */
    public String className() {
        return schedulerClass.title();
    }

    SchedulerClass schedulerClass() {
        return schedulerClass;
    }

    /** The fields of a configuration that make its class this sampler. */
    Map<String, String> options() {
        return options;
    }

    private static String plain(String name) {
        return name.toLowerCase(Locale.ROOT).replaceAll("[ _-]", "").replace("++", "pp");
    }
}
