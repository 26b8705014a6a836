package dev.darkroom.sampling;

import java.util.ArrayList;
import java.util.List;

/**
 * Restart sampling (Xu et al. 2023, algorithm 1) with Heun's steps: having come down to a low noise level, the sample is given noise again and brought down
 * once more. How often and from where is AUTOMATIC1111's rule, whose restarts are taken out of the steps asked for.
 */
final class RestartSampler implements Sampler {
    private static final double LOW = 0.1;
    private static final double HIGH = 2;
    private static final int LEAST_STEPS = 20; // below, there is no restart
    private static final int MANY_STEPS = 36; // from here on there are two
    private static final int STEPS_OF_ONE = 9;

    @Override
    public SamplingPlan plan(SchedulerConfig config, int steps, int skipped) {
        double[] trained = config.noise().sigmas();
        NoiseLevels all = NoiseLevels.continuous(config, config.noise(), steps);
        NoiseLevels levels = all.from(skipped);
        List<double[]> changes = changes(levels);
        SamplingPlan.Builder plan = new SamplingPlan.Builder();
        for (int i = 0; i < changes.size(); i++) {
            double from = changes.get(i)[0];
            double to = changes.get(i)[1];
            double next = i + 1 < changes.size() ? changes.get(i + 1)[0] : to;
            double added = Math.sqrt(next * next - to * to) * config.real("s_noise", 1);
            HeunSampler.LevelChange change = new HeunSampler.LevelChange(
                    from, NoiseLevels.timeOf(trained, from), to, NoiseLevels.timeOf(trained, to));
            HeunSampler.step(
                    plan,
                    config,
                    change,
                    end -> next > to ? end.plus(plan.noise().times(added)) : end);
        }
        return plan.build(all.initialScale(config), levels.mixture(0));
    }

    /** Pairs of the levels that a step leads from and to. */
    private static List<double[]> changes(NoiseLevels levels) {
        int steps = levels.steps();
        int times = steps < LEAST_STEPS ? 0 : steps < MANY_STEPS ? 1 : 2;
        int each = steps < MANY_STEPS ? STEPS_OF_ONE : steps / 4;
        double[] descent = descent(levels, times == 0 ? steps : steps - times * each, times > 0);
        int low = nearest(descent, LOW);
        int high = nearest(descent, HIGH);
        if (times > 0 && high >= low) { // it begins so late that there is nothing to go back to
            times = 0;
            descent = descent(levels, steps, false);
        }
        List<double[]> changes = new ArrayList<>();
        for (int i = 0; i + 1 < descent.length; i++) {
            changes.add(new double[] {descent[i], descent[i + 1]});
            for (int restart = 0; i + 1 == low && restart < times; restart++) {
                double[] again = SigmaSchedule.KARRAS.levels(descent[high], descent[low], each + 1);
                for (int k = 0; k < each; k++) {
                    changes.add(new double[] {again[k], again[k + 1]});
                }
            }
        }
        return changes;
    }

    /** The levels themselves, or so many between the same ends. */
    private static double[] descent(NoiseLevels levels, int steps, boolean anew) {
        double[] descent = new double[steps + 1];
        double[] spaced = anew
                ? SigmaSchedule.KARRAS.levels(levels.sigma(0), levels.sigma(levels.steps() - 1), steps)
                : new double[0];
        for (int i = 0; i < steps; i++) {
            descent[i] = anew ? spaced[i] : levels.sigma(i);
        }
        descent[steps] = anew ? 0 : levels.sigma(steps);
        return descent;
    }

    private static int nearest(double[] levels, double wanted) {
        int nearest = 0;
        for (int i = 1; i < levels.length; i++) {
            if (Math.abs(levels[i] - wanted) < Math.abs(levels[nearest] - wanted)) {
                nearest = i;
            }
        }
        return nearest;
    }
}
