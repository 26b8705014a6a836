package dev.darkroom.sampling;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** Details of schedules that implementations get wrong, each under its number in the checklist of correctness. */
class ChecklistTest {
    private static final String SD =
            "'beta_schedule':'scaled_linear','beta_start':0.00085,'beta_end':0.012,'clip_sample':false";

    @Test
    @DisplayName("correctness 28: betas are squares of evenly spaced roots")
    void betas() {
        NoiseSchedule noise = config("DDIMScheduler", "").noise();
        double middle = Math.pow((999 - 500) / 999.0 * Math.sqrt(0.00085) + 500 / 999.0 * Math.sqrt(0.012), 2);
        assertEquals(1 - 0.00085, noise.alphaCumulative(0), 1e-15);
        assertEquals(1 - middle, noise.alphaCumulative(500) / noise.alphaCumulative(499), 1e-12);
        assertEquals(14.6146412, noise.sigma(999), 1e-6);
        assertEquals(0.0291675, noise.sigma(0), 1e-6);
    }

    @Test
    @DisplayName("correctness 29: leading, linspace and trailing times")
    void times() {
        assertArrayEquals(
                new double[] {801, 601, 401, 201, 1},
                times(config("EulerDiscreteScheduler", ",'timestep_spacing':'leading','steps_offset':1"), 5));
        assertArrayEquals(new double[] {999, 749.25, 499.5, 249.75, 0}, times(config("EulerDiscreteScheduler", ""), 5));
        assertArrayEquals(
                new double[] {999, 799, 599, 399, 199},
                times(config("EulerDiscreteScheduler", ",'timestep_spacing':'trailing'"), 5));
        assertArrayEquals(
                new double[] {999, 666, 332},
                times(
                        config(
                                "EulerDiscreteScheduler", // of 1000, 667, 333
                                ",'timestep_spacing':'trailing'"),
                        3));
    }

    @Test
    @DisplayName("correctness 30: what the first noise is multiplied by, and the input")
    void scales() {
        double sigma = 14.6146412;
        assertEquals(sigma, config("EulerDiscreteScheduler", "").plan(5, 0).initialNoiseScale(), 1e-6);
        double first = config("DDIMScheduler", "").noise().sigma(801);
        SamplingPlan leading = config("EulerDiscreteScheduler", ",'timestep_spacing':'leading','steps_offset':1")
                .plan(5, 0);
        assertEquals(Math.sqrt(first * first + 1), leading.initialNoiseScale(), 1e-9);
        assertEquals(1 / Math.sqrt(first * first + 1), leading.steps().get(0).inputScale(), 1e-9);
        for (String unit :
                List.of("DDIMScheduler", "PNDMScheduler", "UniPCMultistepScheduler", "DPMSolverMultistepScheduler")) {
            assertEquals(1, config(unit, "").plan(5, 0).initialNoiseScale());
            assertEquals(1, config(unit, "").plan(5, 0).steps().get(0).inputScale());
        }
    }

    @Test
    @DisplayName(
            "correctness 31: the last step of DDIM ends at the first trained level, where the configuration says so")
    void lastAlpha() {
        // The last step's sample is √ᾱ · picture + √(1 - ᾱ) · ε: of a sample without noise nothing but the picture's
        // share is left.
        SchedulerConfig config = config("DDIMScheduler", ",'set_alpha_to_one':false");
        SamplingPlan.Step last = config.plan(5, 0).steps().get(4);
        double alpha = config.noise().alphaCumulative((int) last.time());
        double expected = Math.sqrt(config.noise().alphaCumulative(0) / alpha);
        assertEquals(expected, last.assignments().get(0).form().coefficient(SamplingPlan.SAMPLE), 1e-12);
        double toOne = config("DDIMScheduler", "")
                .plan(5, 0)
                .steps()
                .get(4)
                .assignments()
                .get(0)
                .form()
                .coefficient(SamplingPlan.SAMPLE);
        assertEquals(1 / Math.sqrt(alpha), toOne, 1e-12);
    }

    @Test
    @DisplayName("correctness 32: PLMS makes a call more, at its second time again, and from its first sample")
    void plms() {
        SamplingPlan plan = config("PNDMScheduler", ",'skip_prk_steps':true,'steps_offset':1")
                .plan(5, 0);
        assertArrayEquals(
                new double[] {801, 601, 601, 401, 201, 1},
                plan.steps().stream().mapToDouble(SamplingPlan.Step::time).toArray());
        assertFalse(plan.steps().get(0).completes() && plan.steps().get(1).completes(), "two calls for the first step");
    }

    @Test
    @DisplayName("correctness 34: a step that ends without noise is of first order")
    void lastStep() {
        for (SamplerKind kind :
                List.of(SamplerKind.DPMPP_2M, SamplerKind.DPMPP_2M_SDE, SamplerKind.UNIPC, SamplerKind.DPMPP_3M_SDE)) {
            SamplingPlan plan = config("DDIMScheduler", "").with(kind).plan(20, 0);
            SamplingPlan.Step step = plan.steps().get(plan.steps().size() - 1);
            SamplingPlan.Assignment end =
                    step.assignments().get(step.assignments().size() - 1);
            assertFalse(
                    end.form().coefficients().containsKey(SamplingPlan.HISTORY + 1),
                    kind + " reads older predictions: " + end);
        }
    }

    @Test
    @DisplayName("correctness 36: velocities, and a schedule that leaves nothing of the picture at the last time")
    void velocity() {
        String zero = ",'rescale_betas_zero_snr':true,'timestep_spacing':'trailing','prediction_type':'v_prediction'";
        SamplingPlan plan = config("DDIMScheduler", zero).plan(5, 0);
        // At time 999 the sample is all noise and the picture is minus the velocity.
        LinearForm next = plan.steps().get(0).assignments().get(0).form();
        double alpha = config("DDIMScheduler", zero).noise().alphaCumulative(799);
        assertEquals(999, plan.steps().get(0).time());
        assertEquals(-Math.sqrt(alpha), next.coefficient(SamplingPlan.OUTPUT), 1e-7);
        assertEquals(Math.sqrt(1 - alpha), next.coefficient(SamplingPlan.SAMPLE), 1e-7);
    }

    @Test
    @DisplayName(
            "correctness 37: image to image leaves out steps from the front, and starts at the first time that is left")
    void imageToImage() {
        for (SamplerKind kind : List.of(SamplerKind.EULER, SamplerKind.HEUN, SamplerKind.DDIM)) {
            SchedulerConfig config = config("DDIMScheduler", "").with(kind);
            SamplingPlan all = config.plan(10, 0);
            SamplingPlan some = config.plan(10, 6);
            int calls = some.steps().size();
            assertEquals(
                    all.steps()
                            .subList(all.steps().size() - calls, all.steps().size())
                            .toString(),
                    some.steps().toString(),
                    kind.title());
            double time = some.steps().get(0).time();
            double alpha = config.noise().alphaCumulative((int) time);
            double ratio = some.start().noise() / some.start().signal();
            if (time == Math.rint(time)) {
                assertEquals(Math.sqrt((1 - alpha) / alpha), ratio, 1e-9, kind.title());
            }
        }
    }

    private static double[] times(SchedulerConfig config, int steps) {
        return config.plan(steps, 0).steps().stream()
                .mapToDouble(SamplingPlan.Step::time)
                .toArray();
    }

    private static SchedulerConfig config(String className, String fields) {
        String json = "{'_class_name':'" + className + "'," + SD + fields + "}";
        try {
            return SchedulerConfig.of("test", new ObjectMapper().readTree(json.replace('\'', '"')));
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }
}
