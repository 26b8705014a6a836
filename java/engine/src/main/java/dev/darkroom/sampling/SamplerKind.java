package dev.darkroom.sampling;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/** The samplers, under every name that users of other programs know them by. */
public enum SamplerKind {
    DDPM("DDPM", "DDPMScheduler", false, new DdpmSampler()),
    DDIM("DDIM", "DDIMScheduler", false, new DdimSampler()),
    PNDM("PLMS", "PNDMScheduler", false, new PndmSampler(), "pndm"),
    EULER("Euler", "EulerDiscreteScheduler", true, new EulerSampler()),
    EULER_A("Euler a", "EulerAncestralDiscreteScheduler", true, new EulerAncestralSampler()),
    HEUN("Heun", "HeunDiscreteScheduler", true, new HeunSampler()),
    DPMPP_2M("DPM++ 2M", "DPMSolverMultistepScheduler", true, new DpmSolverSampler()),
    DPMPP_2M_SDE("DPM++ 2M SDE", "DPMSolverMultistepScheduler", true, new DpmSolverSampler()),
    UNIPC("UniPC", "UniPCMultistepScheduler", true, new UniPcSampler()),
    LCM("LCM", "LCMScheduler", false, new LcmSampler());

    private final String title;
    private final String className;
    private final boolean sigmas;
    private final Sampler sampler;
    private final List<String> aliases;

    SamplerKind(String title, String className, boolean sigmas, Sampler sampler, String... aliases) {
        this.title = title;
        this.className = className;
        this.sigmas = sigmas;
        this.sampler = sampler;
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
     * ("DPMSolverMultistepScheduler").
     *
     * @throws IllegalArgumentException naming the known ones
     */
    public static Choice parse(String name) {
        for (SigmaSchedule schedule : List.of(SigmaSchedule.KARRAS, SigmaSchedule.EXPONENTIAL)) {
            String suffix = " " + schedule.name().toLowerCase(Locale.ROOT);
            if (name.toLowerCase(Locale.ROOT).endsWith(suffix)) {
                return new Choice(find(name.substring(0, name.length() - suffix.length())), schedule);
            }
        }
        return new Choice(find(name), SigmaSchedule.DISCRETE);
    }

    private static SamplerKind find(String name) {
        for (SamplerKind kind : values()) {
            if (plain(kind.title).equals(plain(name))
                    || kind.className.equals(name)
                    || kind.aliases.contains(plain(name))) {
                return kind;
            }
        }
        throw new IllegalArgumentException("unknown sampler \"" + name + "\"; known are " + titles());
    }

    /** Whether a diffusers class is one of the known samplers. */
    public static boolean hasClass(String className) {
        return Arrays.stream(values()).anyMatch(kind -> kind.className.equals(className));
    }

    static SamplerKind ofClass(String className) {
        for (SamplerKind kind : values()) {
            if (kind.className.equals(className)) {
                return kind;
            }
        }
        throw new IllegalArgumentException("unknown scheduler class \"" + className + "\"; known are "
                + Arrays.stream(values()).map(SamplerKind::className).distinct().collect(Collectors.joining(", ")));
    }

    /** The names of all samplers, as messages and help list them. */
    public static String titles() {
        return Arrays.stream(values()).map(SamplerKind::title).collect(Collectors.joining(", "));
    }

    static String titlesWithSigmas() {
        return Arrays.stream(values())
                .filter(SamplerKind::hasSigmas)
                .map(SamplerKind::title)
                .collect(Collectors.joining(", "));
    }

    /** The name people know it by. */
    public String title() {
        return title;
    }

    /** The name of diffusers' class. */
    public String className() {
        return className;
    }

    /** Whether it works in noise levels that can be spaced by a {@link SigmaSchedule}. */
    boolean hasSigmas() {
        return sigmas;
    }

    Sampler sampler() {
        return sampler;
    }

    /** The fields of a configuration that make its class this sampler. */
    Map<String, String> options() {
        return switch (this) {
            case DPMPP_2M -> Map.of("algorithm_type", "dpmsolver++");
            case DPMPP_2M_SDE -> Map.of("algorithm_type", "sde-dpmsolver++");
            default -> Map.of();
        };
    }

    private static String plain(String name) {
        return name.toLowerCase(Locale.ROOT).replaceAll("[ _-]", "");
    }
}
