package dev.darkroom.sampling;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SamplerKindTest {
    @ParameterizedTest
    @CsvSource({
        // stable-diffusion.cpp
        "euler, EULER, DISCRETE",
        "euler_a, EULER_A, DISCRETE",
        "heun, HEUN, DISCRETE",
        "dpm++2m, DPMPP_2M, DISCRETE",
        "lcm, LCM, DISCRETE",
        "tcd, TCD, DISCRETE",
        "dpm2, DPM2, DISCRETE",
        "ddim_trailing, DDIM_TRAILING, DISCRETE",
        // AUTOMATIC1111
        "Euler a, EULER_A, DISCRETE",
        "DPM++ 2M Karras, DPMPP_2M, KARRAS",
        "DPM++ 2M SDE Exponential, DPMPP_2M_SDE, EXPONENTIAL",
        "DPM++ 2M SDE Heun Karras, DPMPP_2M_SDE_HEUN, KARRAS",
        "DPM++ 2M SDE, DPMPP_2M_SDE, DISCRETE",
        "PLMS, PNDM, DISCRETE",
        "LMS Karras, LMS, KARRAS",
        "DPM2 a Karras, DPM2_A, KARRAS",
        "UniPC, UNIPC, DISCRETE",
        "DDIM, DDIM, DISCRETE",
        "DPM++ 2S a, DPMPP_2S_A, DISCRETE",
        "DPM++ SDE Karras, DPMPP_SDE, KARRAS",
        "DPM++ 3M SDE Exponential, DPMPP_3M_SDE, EXPONENTIAL",
        "DPM++ 2M SGM Uniform, DPMPP_2M, SGM_UNIFORM",
        "DPM fast, DPM_FAST, DISCRETE",
        "DPM adaptive, DPM_ADAPTIVE, DISCRETE",
        "Restart, RESTART, DISCRETE",
        "DDIM CFG++, DDIM_CFG_PP, DISCRETE",
        "k_dpmpp_2m, DPMPP_2M, DISCRETE",
        // stable-diffusion.cpp, again
        "dpm++2s_a, DPMPP_2S_A, DISCRETE",
        "dpm++2mv2, DPMPP_2M_V2, DISCRETE",
        "ipndm, IPNDM, DISCRETE",
        "ipndm_v, LMS, DISCRETE",
        // k-diffusion
        "sample_dpmpp_2s_ancestral, DPMPP_2S_A, DISCRETE",
        // diffusers
        "DPMSolverSinglestepScheduler, DPMPP_2S, DISCRETE",
        "DPMSolverSDEScheduler, DPMPP_SDE, DISCRETE",
        "EDMEulerScheduler, EDM_EULER, DISCRETE",
        "EulerAncestralDiscreteScheduler, EULER_A, DISCRETE",
        "DPMSolverMultistepScheduler, DPMPP_2M, DISCRETE",
        "DDPMScheduler, DDPM, DISCRETE",
        "PNDMScheduler, PNDM, DISCRETE",
        // ComfyUI
        "euler_ancestral, EULER_A, DISCRETE",
        "dpmpp_2m_sde, DPMPP_2M_SDE, DISCRETE",
        "uni_pc, UNIPC, DISCRETE",
        "dpm_2_ancestral, DPM2_A, DISCRETE"
    })
    void samplersAreKnownByTheNamesOfOtherPrograms(String name, SamplerKind kind, SigmaSchedule schedule) {
        assertEquals(new SamplerKind.Choice(kind, schedule), SamplerKind.parse(name));
    }

    @ParameterizedTest
    @CsvSource({
        "automatic, DPMPP_2M, KARRAS",
        "Automatic, DPMPP_3M_SDE, EXPONENTIAL",
        "automatic, EULER_A, NORMAL",
        "automatic, DDIM, DISCRETE",
        "default, DPMPP_2M, DISCRETE",
        "discrete, EULER, DISCRETE",
        "SGM Uniform, EULER, SGM_UNIFORM",
        "sgm_uniform, EULER, SGM_UNIFORM",
        "ays, EULER, ALIGN_YOUR_STEPS",
        "Align Your Steps, EULER, ALIGN_YOUR_STEPS",
        "KL Optimal, EULER, KL_OPTIMAL",
        "normal, EULER, NORMAL",
        "uniform, EULER, NORMAL",
        "polyexponential, EULER, EXPONENTIAL",
        "ddim_uniform, EULER, DDIM_UNIFORM",
        "smoothstep, EULER, SMOOTHSTEP",
    })
    void schedulesAreKnownByTheNamesOfOtherPrograms(String name, SamplerKind kind, SigmaSchedule schedule) {
        assertEquals(schedule, SigmaSchedule.parse(name, kind));
    }

    @Test
    void anUnknownScheduleIsRefusedWithTheKnownOnes() {
        String message = String.valueOf(
                assertThrows(IllegalArgumentException.class, () -> SigmaSchedule.parse("gits", SamplerKind.EULER))
                        .getMessage());
        assertTrue(message.contains("\"gits\"") && message.contains("Karras, Exponential"), message);
    }

    @Test
    void everyTitleNamesItsSampler() {
        for (SamplerKind kind : SamplerKind.values()) {
            assertEquals(kind, SamplerKind.parse(kind.title()).kind());
        }
    }

    @Test
    void anUnknownNameIsRefusedWithTheKnownOnes() {
        String message = String.valueOf(assertThrows(IllegalArgumentException.class, () -> SamplerKind.parse("eulr"))
                .getMessage());
        assertTrue(message.contains("\"eulr\""), message);
        for (SamplerKind kind : SamplerKind.values()) {
            assertTrue(message.contains(kind.title()), message);
        }
    }
}
