package dev.darkroom.sampling;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class SchedulerConfigTest {
    private static final String SD = "'beta_schedule':'scaled_linear','beta_start':0.00085,'beta_end':0.012";

    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.MATCH_NONE, names = "EDM_.*")
    void anotherSamplerKeepsWhatTheConfigurationSaysOfTheModel(SamplerKind kind) {
        SchedulerConfig own = config("PNDMScheduler", SD + ",'prediction_type':'v_prediction','steps_offset':1");
        SchedulerConfig other = own.with(kind);
        assertEquals(own.noise().alphaCumulative(500), other.noise().alphaCumulative(500));
        assertEquals(Prediction.V_PREDICTION, other.prediction());
        assertEquals(1, other.offset());
        assertEquals(kind, other.kind());
    }

    @Test
    void spacingIsKeptWhereItIsGivenAndElseTheOtherClassesOwn() {
        assertEquals(
                Spacing.TRAILING,
                config("DDIMScheduler", "'timestep_spacing':'trailing'")
                        .with(SamplerKind.EULER)
                        .spacing());
        assertEquals(
                Spacing.LINSPACE,
                config("DDIMScheduler", SD).with(SamplerKind.EULER).spacing());
        assertEquals(
                Spacing.TRAILING,
                config("DDIMScheduler", "'timestep_spacing':'leading'")
                        .with(SamplerKind.DDIM_TRAILING)
                        .spacing());
    }

    @Test
    void optionsOfAnotherClassStartFromTheirDefaults() {
        SchedulerConfig own = config("UniPCMultistepScheduler", SD + ",'solver_order':3,'solver_type':'bh1'");
        String expected = config("DPMSolverMultistepScheduler", SD).plan(6, 0).toString();
        assertEquals(expected, own.with(SamplerKind.DPMPP_2M).plan(6, 0).toString());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '"',
            value = {
                "DPMSolverMultistepScheduler | 'clip_sample':true",
                "UniPCMultistepScheduler | 'clip_sample':true",
                "HeunDiscreteScheduler | 'rescale_betas_zero_snr':true",
                "PNDMScheduler | 'rescale_betas_zero_snr':true",
                "EulerAncestralDiscreteScheduler | 'use_karras_sigmas':true",
                "DDIMScheduler | 'final_sigmas_type':'of some other class'",
            })
    void fieldsThatTheClassDoesNotKnowHaveNoEffect(String className, String field) {
        assertEquals(
                config(className, SD).plan(5, 0).toString(),
                config(className, SD + "," + field).plan(5, 0).toString());
    }

    @Test
    void aStochasticAlgorithmMakesItTheStochasticSampler() {
        assertEquals(
                SamplerKind.DPMPP_2M_SDE,
                config("DPMSolverMultistepScheduler", "'algorithm_type':'sde-dpmsolver++'")
                        .kind());
    }

    @Test
    void aScheduleAskedForTakesThePlaceOfTheModels() {
        SchedulerConfig own = config("EulerDiscreteScheduler", SD + ",'use_karras_sigmas':true");
        assertEquals(SigmaSchedule.KARRAS, own.sigmaSchedule());
        assertEquals(SigmaSchedule.DISCRETE, own.with(SigmaSchedule.DISCRETE).sigmaSchedule());
        assertEquals(
                SigmaSchedule.EXPONENTIAL,
                own.with(SamplerKind.EULER_A).with(SigmaSchedule.EXPONENTIAL).sigmaSchedule());
    }

    /** The middle of a Runge-Kutta step lies half a stride, rounded down, above its end. */
    @Test
    void rungeKuttaStepsOfAnOddStrideVisitDiffusersTimes() {
        SchedulerConfig config = config("PNDMScheduler", "'num_train_timesteps':777,'skip_prk_steps':false");
        List<Double> first = config.plan(10, 0).steps().stream()
                .map(SamplingPlan.Step::time)
                .limit(8)
                .toList();
        assertEquals(List.of(693.0, 654.0, 654.0, 616.0, 616.0, 577.0, 577.0, 539.0), first);
    }

    @Test
    void timesAreRoundedAsNumpyRoundsThem() {
        assertEquals(499.0, time(config("DPMSolverMultistepScheduler", SD), 30, 15)); // 499.49999999999994
        assertEquals(
                388.0,
                time(
                        config("EulerDiscreteScheduler", "'num_train_timesteps':777,'timestep_spacing':'trailing'"),
                        30,
                        15)); // 388.50000000000034
        assertEquals(999.0, time(config("EulerDiscreteScheduler", SD), 30, 0));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '"',
            value = {
                "DDIMScheduler | 'prediction_type':'noise' | prediction_type is \"noise\" | epsilon, sample, v_prediction",
                "DDIMScheduler | 'beta_schedule':'sigmoid' | beta_schedule is \"sigmoid\" | scaled_linear",
                "DDIMScheduler | 'timestep_spacing':'lin' | timestep_spacing is \"lin\" | leading, trailing",
                "DDIMScheduler | 'trained_betas':[0.1,2] | trained_betas must be | 0 to below 1",
                "DDIMScheduler | 'set_alpha_to_one':1 | set_alpha_to_one must be true or false | is 1",
                "DDPMScheduler | 'variance_type':'learned' | variance_type is \"learned\" | fixed_small",
                "EulerDiscreteScheduler | 'final_sigmas_type':'one' | final_sigmas_type is \"one\" | sigma_min",
                "UniPCMultistepScheduler | 'use_flow_sigmas':true | use_flow_sigmas is true | false",
                "DPMSolverMultistepScheduler | 'algorithm_type':'dpmsolver' | final_sigmas_type | sigma_min",
                "DDIMScheduler | 'rescale_betas_zero_snr':true,'timestep_spacing':'trailing' | time 999 | v_prediction",
                "LCMScheduler | 'original_inference_steps':4 | at most 4 steps | given 5",
                "PNDMScheduler | 'num_train_timesteps':4 | steps is 5 | only 4",
                "DDPMScheduler | 'num_train_timesteps':5,'steps_offset':1 | steps_offset 1 | fewer steps",
            })
    void badFieldsAreRefusedByNameValueAndWhatIsAllowed(String className, String field, String what, String allowed) {
        IllegalArgumentException refusal = assertThrows(
                IllegalArgumentException.class, () -> config(className, field).plan(5, 0));
        String message = String.valueOf(refusal.getMessage());
        assertTrue(message.contains(what.replace('\'', '"')) && message.contains(allowed), message);
    }

    @Test
    void anUnknownClassIsRefusedWithTheKnownOnes() {
        IllegalArgumentException refusal =
                assertThrows(IllegalArgumentException.class, () -> config("FlowScheduler", SD));
        String message = String.valueOf(refusal.getMessage());
        assertTrue(
                message.contains("test: _class_name \"FlowScheduler\"") && message.contains("DDIMScheduler"), message);
    }

    @Test
    void aScheduleIsRefusedBySamplersThatHaveNoNoiseLevels() {
        IllegalArgumentException refusal =
                assertThrows(IllegalArgumentException.class, () -> config("DDIMScheduler", SD)
                        .with(SigmaSchedule.KARRAS));
        assertTrue(String.valueOf(refusal.getMessage()).contains("DDIM has no schedule but discrete"));
    }

    @ParameterizedTest
    @CsvSource({
        "DPM_FAST, DPM fast has no schedule but discrete",
        "DPM_ADAPTIVE, DPM adaptive has no schedule but discrete",
        "PNDM, PLMS has no schedule but discrete",
    })
    void norDoSamplersTakeOneThatSpaceTheirLevelsThemselves(SamplerKind kind, String what) {
        String message = String.valueOf(assertThrows(
                        IllegalArgumentException.class,
                        () -> config("DDIMScheduler", SD).with(kind).with(SigmaSchedule.KARRAS))
                .getMessage());
        assertTrue(message.contains(what) && message.contains("schedules belong to Euler"), message);
    }

    @Test
    void aParameterIsRefusedBySamplersThatDoNotHaveIt() {
        String message = String.valueOf(assertThrows(
                        IllegalArgumentException.class,
                        () -> config("DDIMScheduler", SD).with(SamplerKind.LMS).with("s_churn", 1))
                .getMessage());
        assertTrue(message.contains("LMS has no s_churn; it belongs to Euler, Heun, DPM2"), message);
        assertThrows(
                IllegalArgumentException.class,
                () -> config("DDIMScheduler", SD).with(SamplerKind.DPMPP_2M).with("eta", 1));
    }

    @Test
    void samplersForModelsTrainedOtherwiseAreRefused() {
        String message = String.valueOf(assertThrows(IllegalArgumentException.class, () -> config("DDIMScheduler", SD)
                        .with(SamplerKind.EDM_EULER))
                .getMessage());
        assertTrue(message.contains("EDM Euler is not for models"), message);
        message = String.valueOf(assertThrows(IllegalArgumentException.class, () -> config("EDMEulerScheduler", SD)
                        .with(SamplerKind.HEUN))
                .getMessage());
        assertTrue(message.contains("take one of EDM Euler, EDM DPM++ 2M"), message);
    }

    @Test
    void aPlanHasAtLeastOneStep() {
        SchedulerConfig config = config("DDIMScheduler", SD);
        assertThrows(IllegalArgumentException.class, () -> config.plan(0, 0));
        assertThrows(IllegalArgumentException.class, () -> config.plan(5, 5));
        assertThrows(IllegalArgumentException.class, () -> config.plan(5, -1));
    }

    private static double time(SchedulerConfig config, int steps, int index) {
        return config.plan(steps, 0).steps().get(index).time();
    }

    private static SchedulerConfig config(String className, String fields) {
        String json = "{'_class_name':'" + className + "'," + fields + "}";
        try {
            return SchedulerConfig.of("test", new ObjectMapper().readTree(json.replace('\'', '"')));
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }
}
