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
        // diffusers
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
