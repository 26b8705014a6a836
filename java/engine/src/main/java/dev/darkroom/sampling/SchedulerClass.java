package dev.darkroom.sampling;

import java.util.Set;
import java.util.TreeSet;

/**
 * A scheduler class of diffusers, or a sampler that diffusers does not have: which fields of a configuration it knows, and the sampler that does the same.
 *
 * <p>Fields that a class does not know have no effect on it, as in diffusers: configurations are handed from class to class, and carry them along.
 */
enum SchedulerClass {
    DDPM(
            "DDPMScheduler",
            new DdpmSampler(),
            Spacing.LEADING,
            Fields.CLIP + Fields.THRESHOLD + Fields.RESCALE + "variance_type"),
    DDIM(
            "DDIMScheduler",
            new DdimSampler(false),
            Spacing.LEADING,
            Fields.CLIP + Fields.THRESHOLD + Fields.RESCALE + "set_alpha_to_one eta"),
    PNDM("PNDMScheduler", new PndmSampler(), Spacing.LEADING, "set_alpha_to_one skip_prk_steps"),
    EULER(
            "EulerDiscreteScheduler",
            new EulerSampler(),
            Spacing.LINSPACE,
            Fields.SIGMAS + Fields.RANGE + Fields.END + Fields.RESCALE + Fields.CHURN
                    + "interpolation_type timestep_type"),
    EULER_ANCESTRAL(
            "EulerAncestralDiscreteScheduler",
            new EulerAncestralSampler(),
            Spacing.LINSPACE,
            Fields.RESCALE + Fields.NOISE),
    HEUN("HeunDiscreteScheduler", new HeunSampler(), Spacing.LINSPACE, Fields.CLIP + Fields.SIGMAS + Fields.CHURN),
    DPM_SOLVER(
            "DPMSolverMultistepScheduler",
            new DpmSolverSampler(Scaling.UNIT),
            Spacing.LINSPACE,
            Fields.THRESHOLD + Fields.SIGMAS + Fields.END + Fields.RESCALE + Fields.SOLVER + Fields.NOISE
                    + "algorithm_type euler_at_final use_lu_lambdas lambda_min_clipped"),
    DPM_SOLVER_SINGLESTEP(
            "DPMSolverSinglestepScheduler",
            new DpmSolverSinglestepSampler(),
            Spacing.LINSPACE,
            Fields.THRESHOLD + Fields.SIGMAS + Fields.END + Fields.SOLVER + "algorithm_type lambda_min_clipped"),
    DPM_SOLVER_SDE("DPMSolverSDEScheduler", new DpmppSdeSampler(), Spacing.LINSPACE, Fields.SIGMAS + Fields.NOISE),
    UNIPC(
            "UniPCMultistepScheduler",
            new UniPcSampler(),
            Spacing.LINSPACE,
            Fields.THRESHOLD + Fields.SIGMAS + Fields.RANGE + Fields.END + Fields.RESCALE + Fields.SOLVER
                    + "predict_x0 disable_corrector"),
    LMS("LMSDiscreteScheduler", new LmsSampler(), Spacing.LINSPACE, Fields.SIGMAS),
    DPM2("KDPM2DiscreteScheduler", new Dpm2Sampler(false), Spacing.LINSPACE, Fields.SIGMAS + Fields.CHURN),
    DPM2_ANCESTRAL(
            "KDPM2AncestralDiscreteScheduler", new Dpm2Sampler(true), Spacing.LINSPACE, Fields.SIGMAS + Fields.NOISE),
    DEIS(
            "DEISMultistepScheduler",
            new DeisSampler(),
            Spacing.LINSPACE,
            Fields.THRESHOLD + Fields.SIGMAS + Fields.SOLVER + "algorithm_type"),
    LCM(
            "LCMScheduler",
            new LcmSampler(),
            Spacing.LEADING,
            Fields.CLIP + Fields.THRESHOLD + Fields.RESCALE
                    + "set_alpha_to_one original_inference_steps timestep_scaling"),
    TCD("TCDScheduler", new TcdSampler(), Spacing.LEADING, Fields.RESCALE + "original_inference_steps eta"),
    EDM_EULER("EDMEulerScheduler", new EdmEulerSampler(), Spacing.LINSPACE, Fields.EDM),
    EDM_DPM_SOLVER(
            "EDMDPMSolverMultistepScheduler",
            new DpmSolverSampler(Scaling.EDM),
            Spacing.LINSPACE,
            Fields.EDM + Fields.THRESHOLD + Fields.SOLVER + "algorithm_type euler_at_final"),
    // What diffusers does not have is named as k-diffusion and AUTOMATIC1111 name their functions.
    DDIM_CFG_PP(
            "ddim_cfgpp",
            new DdimSampler(true),
            Spacing.LEADING,
            Fields.CLIP + Fields.THRESHOLD + Fields.RESCALE + "set_alpha_to_one eta"),
    EULER_CFG_PP("sample_euler_cfg_pp", new EulerCfgPlusPlusSampler(), Spacing.LINSPACE, Fields.RESCALE),
    DPMPP_2S_ANCESTRAL(
            "sample_dpmpp_2s_ancestral",
            new Dpmpp2sAncestralSampler(),
            Spacing.LINSPACE,
            Fields.RESCALE + Fields.NOISE),
    DPMPP_2M_V2("dpmpp2mv2", new Dpmpp2mV2Sampler(), Spacing.LINSPACE, Fields.RESCALE),
    DPMPP_3M_SDE("sample_dpmpp_3m_sde", new Dpmpp3mSdeSampler(), Spacing.LINSPACE, Fields.RESCALE + Fields.NOISE),
    DPM_FAST("sample_dpm_fast", new DpmFastSampler(), Spacing.LINSPACE, Fields.RESCALE + Fields.NOISE),
    DPM_ADAPTIVE("sample_dpm_adaptive", new DpmAdaptiveSampler(), Spacing.LINSPACE, Fields.RESCALE + Fields.NOISE),
    RESTART("restart_sampler", new RestartSampler(), Spacing.LINSPACE, Fields.RESCALE + "s_noise"),
    IPNDM("sample_ipndm", new IpndmSampler(), Spacing.LINSPACE, Fields.RESCALE);

    /** Names of fields that several classes share. */
    private static final class Fields {
        static final String ALL = "num_train_timesteps beta_start beta_end beta_schedule trained_betas prediction_type"
                + " timestep_spacing steps_offset ";
        static final String CLIP = "clip_sample clip_sample_range ";
        static final String THRESHOLD = "thresholding dynamic_thresholding_ratio sample_max_value ";
        static final String RESCALE = "rescale_betas_zero_snr ";
        static final String SIGMAS = "use_karras_sigmas use_exponential_sigmas use_beta_sigmas ";
        static final String RANGE = "sigma_min sigma_max ";
        static final String END = "final_sigmas_type ";
        static final String CHURN = "s_churn s_tmin s_tmax s_noise ";
        static final String NOISE = "eta s_noise ";
        static final String EDM = RANGE + END + "sigma_schedule ";
        static final String SOLVER = "solver_order solver_type lower_order_final use_flow_sigmas ";
    }

    private final String title;
    private final Sampler sampler;
    private final Spacing spacing;
    private final Set<String> fields;

    /** @param spacing where a configuration names none */
    SchedulerClass(String title, Sampler sampler, Spacing spacing, String fields) {
        this.title = title;
        this.sampler = sampler;
        this.spacing = spacing;
        this.fields = new TreeSet<>(Set.of((Fields.ALL + fields).trim().split(" ")));
    }

    /** Its name in diffusers. */
    String title() {
        return title;
    }

    Sampler sampler() {
        return sampler;
    }

    Spacing spacing() {
        return spacing;
    }

    Set<String> fields() {
        return fields;
    }

    /** Whether it works in noise levels rather than in times. */
    boolean hasSigmas() {
        return spacing == Spacing.LINSPACE;
    }

    /** Whether a {@link SigmaSchedule} can space its noise levels. */
    boolean takesSchedules() {
        return hasSigmas() && this != DPM_FAST && this != DPM_ADAPTIVE && !isOfRange();
    }

    /** Whether its models were trained for all levels of a range, as Karras et al. 2022 do, not for those of a noise schedule. */
    boolean isOfRange() {
        return this == EDM_EULER || this == EDM_DPM_SOLVER;
    }

    /** Whether it is not one of diffusers' classes. */
    boolean isForeign() {
        return !title.endsWith("Scheduler");
    }

    /** Whether times can be spaced in more than one way. */
    boolean takesSpacings() {
        return this != DPM_SOLVER_SINGLESTEP;
    }

    NoiseSchedule.Betas betas() {
        return this == LCM || this == TCD || isForeign()
                ? NoiseSchedule.Betas.SCALED_LINEAR
                : NoiseSchedule.Betas.LINEAR;
    }

    double betaStart() {
        return hasBetasOfStableDiffusion() ? 0.00085 : 0.0001;
    }

    double betaEnd() {
        return hasBetasOfStableDiffusion() ? 0.012 : 0.02;
    }

    /** Whether β has the bounds of Stable Diffusion where a configuration names none, else those of Ho et al. 2020. */
    private boolean hasBetasOfStableDiffusion() {
        return switch (this) {
            case HEUN, DPM2, DPM2_ANCESTRAL, DPM_SOLVER_SDE, LCM, TCD -> true;
            default -> isForeign();
        };
    }
}
