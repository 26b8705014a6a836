package dev.darkroom.sampling;

import static dev.darkroom.sampling.SamplingPlan.HISTORY;
import static dev.darkroom.sampling.SamplingPlan.OUTPUT;
import static dev.darkroom.sampling.SamplingPlan.SAMPLE;

import java.util.ArrayList;
import java.util.List;

/** Pseudo numerical methods for diffusion models (Liu et al. 2022): Runge-Kutta steps first where wanted, then linear multistep. */
final class PndmSampler implements Sampler {
    private static final int ORDER = 4;
    private static final int START = HISTORY; // the sample at the beginning of a step of several calls
    private static final int MIXED = HISTORY + 1; // the outputs of a Runge-Kutta step, weighted
    private static final int OUTPUTS = HISTORY + 2; // a ring of the last four outputs

    private final LinearForm x = LinearForm.of(SAMPLE);
    private final LinearForm output = LinearForm.of(OUTPUT);

    @Override
    public SamplingPlan plan(SchedulerConfig config, int steps, int skipped) {
        return new Compilation(config, steps).plan(skipped);
    }

    private final class Compilation {
        private final SamplingPlan.Builder plan = new SamplingPlan.Builder();
        private final NoiseSchedule noise;
        private final Prediction prediction;
        private final int stride;
        private final double last;
        private final List<Integer> rungeKutta = new ArrayList<>();
        private final List<Integer> multistep = new ArrayList<>();
        private int kept; // outputs kept so far

        Compilation(SchedulerConfig config, int steps) {
            noise = config.noise();
            prediction = config.prediction();
            stride = noise.times() / steps;
            last = config.flag("set_alpha_to_one", false) ? 1 : noise.alphaCumulative(0);
            int[] times = config.spacing().wholeTimes(noise.times(), steps, config.offset());
            if (config.flag("skip_prk_steps", false)) {
                for (int i = 0; i < times.length; i++) {
                    multistep.add(times[i]);
                    if (i == 1) {
                        multistep.add(times[i]); // the second time twice: see the second call below
                    }
                }
            } else {
                if (steps < ORDER) {
                    throw new IllegalArgumentException("steps is " + steps + ", but this model's scheduler"
                            + " (skip_prk_steps false) takes at least " + ORDER);
                }
                for (int i = 0; i < ORDER - 1; i++) { // three steps of four calls: both ends, and the middle twice
                    int middle = times[i + 1] + stride / 2;
                    rungeKutta.addAll(List.of(times[i], middle, middle, times[i + 1]));
                }
                for (int i = ORDER - 1; i < times.length; i++) {
                    multistep.add(times[i]);
                }
            }
        }

        SamplingPlan plan(int skipped) {
            List<Integer> all = new ArrayList<>(rungeKutta);
            all.addAll(multistep);
            for (int i = 0; i + skipped < all.size(); i++) {
                int time = all.get(i + skipped);
                plan.call(time, 1);
                if (i < rungeKutta.size()) {
                    rungeKuttaCall(i, time);
                } else {
                    multistepCall(i - rungeKutta.size(), time, i + skipped == all.size() - 1);
                }
            }
            return plan.build(1, noise.addNoise(all.get(skipped)));
        }

        private void rungeKuttaCall(int call, int time) {
            int from = rungeKutta.get(call / ORDER * ORDER);
            LinearForm start = LinearForm.of(START);
            LinearForm mixed = LinearForm.of(MIXED);
            switch (call % ORDER) {
                case 0 -> {
                    keep();
                    plan.let(MIXED, output.times(1 / 6.0));
                    plan.let(START, x);
                    plan.end(step(start, output, from, time - stride / 2), false);
                }
                case 1 -> {
                    plan.let(MIXED, mixed.plus(output.times(1 / 3.0)));
                    plan.end(step(start, output, from, time), false);
                }
                case 2 -> {
                    plan.let(MIXED, mixed.plus(output.times(1 / 3.0)));
                    plan.end(step(start, output, from, time - stride / 2), false);
                }
                default -> plan.end(step(start, mixed.plus(output.times(1 / 6.0)), from, time));
            }
        }

        /** The first step takes two calls: forward with the slope at its beginning, then again with the mean of both ends' slopes. */
        private void multistepCall(int call, int time, boolean isLast) {
            boolean begins = rungeKutta.isEmpty() && call == 0;
            if (rungeKutta.isEmpty() && call == 1) {
                plan.end(step(LinearForm.of(START), output.plus(kept(1)).times(0.5), time + stride, time));
                return;
            }
            if (begins) {
                plan.let(START, x);
            }
            keep();
            plan.end(step(x, extrapolated(), time, time - stride), !begins || isLast);
        }

        /** Adams-Bashforth over the outputs kept. */
        private LinearForm extrapolated() {
            return switch (Math.min(kept, ORDER)) {
                case 1 -> kept(1);
                case 2 -> kept(1).times(3).minus(kept(2)).times(1 / 2.0);
                case 3 ->
                    kept(1).times(23)
                            .minus(kept(2).times(16))
                            .plus(kept(3).times(5))
                            .times(1 / 12.0);
                default ->
                    kept(1).times(55)
                            .minus(kept(2).times(59))
                            .plus(kept(3).times(37))
                            .minus(kept(4).times(9))
                            .times(1 / 24.0);
            };
        }

        private void keep() {
            plan.let(OUTPUTS + kept % ORDER, output);
            kept++;
        }

        private LinearForm kept(int ago) {
            return LinearForm.of(OUTPUTS + (kept - ago) % ORDER);
        }

        /** Liu et al. 2022, eq. 11. */
        private LinearForm step(LinearForm from, LinearForm predicted, int time, int nextTime) {
            double alpha = noise.alphaCumulative(time);
            double next = nextTime >= 0 ? noise.alphaCumulative(nextTime) : last;
            LinearForm epsilon = prediction.noise(from, predicted, Math.sqrt(alpha), Math.sqrt(1 - alpha));
            double denominator = alpha * Math.sqrt(1 - next) + Math.sqrt(alpha * (1 - alpha) * next);
            return from.times(Math.sqrt(next / alpha)).minus(epsilon.times((next - alpha) / denominator));
        }
    }
}
