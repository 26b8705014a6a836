package dev.darkroom.reference;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.darkroom.sampling.NoiseSchedule;
import dev.darkroom.sampling.PlanInterpreter;
import dev.darkroom.sampling.SamplerKind;
import dev.darkroom.sampling.SamplingPlan;
import dev.darkroom.sampling.SchedulerConfig;
import dev.darkroom.tensor.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/** Samplers alone: whole trajectories in double precision, with a formula as the model and the noise given. */
final class SchedulersGroup implements Group {
    private static final double TOLERANCE = 1e-6;
    private static final double FRACTIONAL_TIME_TOLERANCE =
            2e-3; // absolute; f32 interpolation of log sigma does no better

    @Override
    public String name() {
        return "schedulers";
    }

    @Override
    public void run(Check check) {
        check.set().files(name()).forEach((file, entry) -> {
            Check.Values values = check.values(name(), file);
            if (entry.has("cases")) {
                for (Map.Entry<String, JsonNode> each : entry.path("cases").properties()) {
                    check.attempt(
                            name(),
                            file + " " + each.getKey(),
                            () -> runTrajectory(check, file, each.getKey(), each.getValue(), values));
                }
            } else {
                new ForwardProcess(check, file, values).run();
            }
        });
    }

    private void runTrajectory(Check check, String file, String id, JsonNode entry, Check.Values values) {
        if (!SamplerKind.hasClass(entry.path("class").asText())) {
            check.report(CaseResult.skipped(
                    name(), file + " " + id, entry.path("class").asText() + " is not supported yet"));
            return;
        }
        SamplingPlan plan = plan(entry);
        double[] times =
                plan.steps().stream().mapToDouble(SamplingPlan.Step::time).toArray();
        // Where f32 decides a whole time by rounding, the set holds both outcomes; either will do.
        String prefix = id + "/";
        if (values.has(prefix + "exact_timesteps") && timesAgree(times, values.floats(prefix + "exact_timesteps"))) {
            prefix += "exact_";
        }
        boolean agree = timesAgree(times, values.floats(prefix + "timesteps"));
        check.report(
                CaseResult.exact(name(), file, prefix + "timesteps", agree, "times are " + Arrays.toString(times)));
        compareTrajectory(check, file, prefix, id, plan, values);
    }

    private static SamplingPlan plan(JsonNode entry) {
        ObjectNode config = entry.path("config").deepCopy();
        config.set("_class_name", entry.path("class"));
        entry.path("step_arguments").properties().forEach(each -> config.set(each.getKey(), each.getValue()));
        return SchedulerConfig.of(entry.path("class").asText(), config)
                .plan(entry.path("steps").asInt(), 0);
    }

    private void compareTrajectory(
            Check check, String file, String prefix, String id, SamplingPlan plan, Check.Values values) {
        Shape shape = values.get("start").shape();
        double[] sample = doubles(values.floats("start"));
        for (int i = 0; i < sample.length; i++) {
            sample[i] *= plan.initialNoiseScale();
        }
        List<double[]> trajectory = new ArrayList<>(List.of(sample));
        NoiseTape tape = new NoiseTape(values, id, sample.length);
        PlanInterpreter.run(
                plan,
                sample,
                shape.dim(0),
                (input, time) -> model(input, time, sample.length / shape.dim(0)),
                tape::next,
                (step, x) -> trajectory.add(x.clone()));
        float[] expected = values.floats(prefix + "latents");
        double[] actual = trajectory.stream().flatMapToDouble(Arrays::stream).toArray();
        if (actual.length != expected.length) {
            check.report(CaseResult.exact(
                    name(),
                    file,
                    prefix + "latents",
                    false,
                    "the plan makes " + plan.steps().size() + " calls, the reference "
                            + (expected.length / sample.length - 1)));
            return;
        }
        Comparison worst = new Comparison(0, 0);
        for (int step = 0; step < trajectory.size(); step++) {
            float[] reference = Arrays.copyOfRange(expected, step * sample.length, (step + 1) * sample.length);
            Comparison difference = Comparison.of(trajectory.get(step), reference);
            worst = difference.max() <= worst.max() ? worst : difference;
        }
        boolean pass = worst.max() <= TOLERANCE;
        check.report(new CaseResult(
                name(),
                file,
                prefix + "latents",
                pass ? CaseResult.Status.PASS : CaseResult.Status.FAIL,
                worst.max(),
                worst.rms(),
                TOLERANCE,
                ""));
    }

    /** Draws what the reference drew, in its order. */
    private static final class NoiseTape {
        private final float[] tape;
        private final int size;
        private int position;

        NoiseTape(Check.Values values, String id, int size) {
            this.size = size;
            tape = values.has(id + "/noise") ? values.floats(id + "/noise") : new float[0];
        }

        double[] next() {
            double[] noise = doubles(Arrays.copyOfRange(tape, position, position + size));
            position += size;
            return noise;
        }
    }

    /** The formula that stands for the model: see fake_model in the index. */
    private static double[] model(double[] input, double time, int size) {
        double[] output = new double[input.length];
        for (int i = 0; i < input.length; i++) {
            int own = i % size;
            double neighbour = input[i - own + (own + 1) % size];
            output[i] = Math.tanh(0.8 * input[i] - 0.3 * neighbour + 0.4 * Math.sin(0.37 * own + 0.01 * time));
        }
        return output;
    }

    private static boolean timesAgree(double[] times, float[] expected) {
        for (int i = 0; i < times.length; i++) {
            boolean whole = expected.length == times.length
                    && expected[i] == Math.rint(expected[i])
                    && times[i] == Math.rint(times[i]);
            if (expected.length != times.length
                    || !(Math.abs(times[i] - expected[i]) <= (whole ? 0 : FRACTIONAL_TIME_TOLERANCE))) {
                return false;
            }
        }
        return true;
    }

    static double[] doubles(float[] values) {
        double[] doubles = new double[values.length];
        for (int i = 0; i < values.length; i++) {
            doubles[i] = values[i];
        }
        return doubles;
    }

    /** Noise schedules, noise added to pictures, and velocities. */
    private record ForwardProcess(Check check, String file, Check.Values values) {
        void run() {
            for (String schedule : List.of("scaled_linear", "zsnr", "linear", "cosine")) {
                if (values.has(schedule + "/betas")) {
                    compare(schedule);
                }
            }
        }

        private void compare(String schedule) {
            // The betas stored define the schedule; what is compared is what follows from them.
            NoiseSchedule noise = NoiseSchedule.of(doubles(values.floats(schedule + "/betas")), false, false);
            report(schedule + "/alphas_cumprod", alphas(noise));
            double[] x0 = doubles(values.floats("x0"));
            double[] drawn = doubles(values.floats("noise"));
            float[] times = values.floats("timesteps");
            double[] noisy = new double[x0.length];
            double[] velocity = new double[x0.length];
            for (int i = 0; i < x0.length; i++) {
                double alpha = noise.alphaCumulative((int) times[i / (x0.length / times.length)]);
                noisy[i] = Math.sqrt(alpha) * x0[i] + Math.sqrt(1 - alpha) * drawn[i];
                velocity[i] = Math.sqrt(alpha) * drawn[i] - Math.sqrt(1 - alpha) * x0[i];
            }
            report(schedule + "/add_noise", noisy);
            report(schedule + "/velocity", velocity);
        }

        private static double[] alphas(NoiseSchedule noise) {
            double[] alphas = new double[noise.times()];
            Arrays.setAll(alphas, noise::alphaCumulative);
            return alphas;
        }

        private void report(String tensor, double[] actual) {
            Comparison difference = Comparison.of(actual, values.floats(tensor));
            boolean pass = difference.max() <= TOLERANCE;
            check.report(new CaseResult(
                    "schedulers",
                    file,
                    tensor,
                    pass ? CaseResult.Status.PASS : CaseResult.Status.FAIL,
                    difference.max(),
                    difference.rms(),
                    TOLERANCE,
                    ""));
        }
    }
}
