package dev.darkroom.sampling;

import static dev.darkroom.sampling.SamplingPlan.HISTORY;
import static dev.darkroom.sampling.SamplingPlan.OUTPUT;
import static dev.darkroom.sampling.SamplingPlan.SAMPLE;

/** The stochastic form of DPM-Solver++, multistep, of third order (k-diffusion): a parabola through the last three predicted pictures. */
final class Dpmpp3mSdeSampler implements Sampler {
    private static final int ORDER = 3;

    @Override
    public SamplingPlan plan(SchedulerConfig config, int steps, int skipped) {
        NoiseLevels all = NoiseLevels.continuous(config, config.noise(), steps);
        NoiseLevels levels = all.from(skipped);
        double eta = config.real("eta", 1);
        double factor = config.real("s_noise", 1);
        SamplingPlan.Builder plan = new SamplingPlan.Builder();
        LinearForm x = LinearForm.of(SAMPLE);
        for (int i = 0; i < levels.steps(); i++) {
            double next = levels.sigma(i + 1);
            plan.call(levels.time(i), levels.signalRate(i));
            for (int age = Math.min(i, ORDER - 1); age > 0; age--) {
                plan.let(HISTORY + age, LinearForm.of(HISTORY + age - 1));
            }
            LinearForm picture =
                    plan.let(HISTORY, config.prediction().pictureAt(x, LinearForm.of(OUTPUT), levels.sigma(i)));
            if (next == 0) {
                plan.end(picture);
                continue;
            }
            DpmSolverStep step = new DpmSolverStep(1, levels.sigma(i), 1, next, true, eta);
            LinearForm end =
                    x.times(step.kept()).plus(picture.times(step.weight0())).plus(differences(levels, i, step));
            plan.end(
                    eta > 0
                            ? end.plus(plan.noise(all.increment(levels.sigma(i), next))
                                    .times(step.deviation() * factor))
                            : end);
        }
        return plan.build(all.initialScale(config), levels.mixture(0));
    }

    /** What the first and second difference of the pictures contribute, as far as there are any. */
    private static LinearForm differences(NoiseLevels levels, int i, DpmSolverStep step) {
        LinearForm none = LinearForm.of(HISTORY).times(0);
        if (i == 0) {
            return none;
        }
        double r0 = (levels.lambda(i) - levels.lambda(i - 1)) / step.h();
        LinearForm recent =
                LinearForm.of(HISTORY).minus(LinearForm.of(HISTORY + 1)).times(1 / r0);
        if (i == 1) {
            return recent.times(step.weight1());
        }
        double r1 = (levels.lambda(i - 1) - levels.lambda(i - 2)) / step.h();
        LinearForm older =
                LinearForm.of(HISTORY + 1).minus(LinearForm.of(HISTORY + 2)).times(1 / r1);
        LinearForm bend = recent.minus(older).times(1 / (r0 + r1));
        double stretched = (1 + step.eta()) * step.h();
        return recent.plus(bend.times(r0)).times(step.weight1()).minus(bend.times(step.weight1() / stretched - 0.5));
    }
}
