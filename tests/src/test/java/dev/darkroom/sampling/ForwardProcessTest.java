package dev.darkroom.sampling;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.darkroom.weights.ReferenceFiles;
import dev.darkroom.weights.SafetensorsFile;
import java.io.IOException;
import java.util.Arrays;
import java.util.function.IntFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Noise schedules, noise added to pictures, and velocities, against reference/schedulers/forward.safetensors. */
class ForwardProcessTest {
    private static final double TOLERANCE = 1e-6; // of the largest magnitude of a tensor

    private final SafetensorsFile file = SafetensorsFile.open(ReferenceFiles.of("schedulers/forward.safetensors"));

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "scaled_linear | 'beta_schedule':'scaled_linear','beta_start':0.00085,'beta_end':0.012",
                "zsnr | 'beta_schedule':'scaled_linear','beta_start':0.00085,'beta_end':0.012,'rescale_betas_zero_snr':true",
                "linear | 'beta_schedule':'linear','beta_start':0.0001,'beta_end':0.02",
                "cosine | 'beta_schedule':'squaredcos_cap_v2'"
            },
            quoteCharacter = '"')
    void schedulesNoisySamplesAndVelocitiesAgree(String name, String fields) throws IOException {
        NoiseSchedule noise = config("DDPMScheduler", fields).noise();
        float[] alphas = file.get(name + "/alphas_cumprod").toFloats();
        assertEquals(alphas.length, noise.times());
        for (int t = 0; t < alphas.length; t++) {
            assertEquals(alphas[t], noise.alphaCumulative(t), TOLERANCE, "time " + t);
        }
        assertMixtures(name + "/add_noise", noise::addNoise, floats("timesteps"));
        assertMixtures(name + "/velocity", noise::velocity, floats("timesteps"));
    }

    @Test
    void aPlanThatBeginsInTheMiddleStartsFromTheSampleOfThatTime() throws IOException {
        SchedulerConfig config = config(
                "EulerDiscreteScheduler",
                "'beta_schedule':'scaled_linear','beta_start':0.00085,'beta_end':0.012,"
                        + "'timestep_spacing':'leading','steps_offset':1");
        float[] times = floats("euler/timesteps");
        double[] all = config.plan(10, 0).steps().stream()
                .mapToDouble(SamplingPlan.Step::time)
                .toArray();
        assertMixtures(
                "euler/add_noise",
                time -> {
                    int skipped =
                            Arrays.binarySearch(Arrays.stream(all).map(t -> -t).toArray(), -time);
                    return config.plan(10, skipped).start();
                },
                times);
    }

    @Test
    void zeroTerminalSnrLeavesNothingOfThePictureAndSigmaSamplersAnUlpOfIt() throws IOException {
        String fields = "'beta_schedule':'scaled_linear','rescale_betas_zero_snr':true";
        assertEquals(0, config("DDIMScheduler", fields).noise().addNoise(999).signal(), 1e-12);
        assertEquals(
                Math.pow(2, -24),
                config("EulerDiscreteScheduler", fields).noise().alphaCumulative(999));
    }

    private void assertMixtures(String tensor, IntFunction<SamplingPlan.Mixture> mixtures, float[] times) {
        float[] x0 = floats("x0");
        float[] drawn = floats("noise");
        float[] expected = floats(tensor);
        int size = x0.length / times.length;
        double largest = 0;
        for (float value : expected) {
            largest = Math.max(largest, Math.abs(value));
        }
        for (int i = 0; i < x0.length; i++) {
            SamplingPlan.Mixture mixture = mixtures.apply((int) times[i / size]);
            double actual = mixture.signal() * x0[i] + mixture.noise() * drawn[i];
            assertTrue(Math.abs(actual - expected[i]) <= TOLERANCE * largest, tensor + " element " + i);
        }
    }

    private float[] floats(String name) {
        return file.get(name).toFloats();
    }

    private static SchedulerConfig config(String className, String fields) throws IOException {
        String json = "{'_class_name':'" + className + "'," + fields + "}";
        return SchedulerConfig.of("test", new ObjectMapper().readTree(json.replace('\'', '"')));
    }
}
