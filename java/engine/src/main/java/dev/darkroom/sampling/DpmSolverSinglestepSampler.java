package dev.darkroom.sampling;

import static dev.darkroom.sampling.SamplingPlan.HISTORY;
import static dev.darkroom.sampling.SamplingPlan.OUTPUT;
import static dev.darkroom.sampling.SamplingPlan.SAMPLE;

import org.jspecify.annotations.Nullable;

/**
 * DPM-Solver and DPM-Solver++ in single steps, as diffusers arranges them: each call ends at the next level, by a step of order 1, 2, 3, 1, … that begins
 * where the last step of order 1 began.
 */
final class DpmSolverSinglestepSampler implements Sampler {
    private static final int START = HISTORY; // the sample where the last step of order 1 began
    private static final int PREDICTIONS = HISTORY + 1; // the newest first

    @Override
    public SamplingPlan plan(SchedulerConfig config, int steps, int skipped) {
        NoiseLevels levels = NoiseLevels.discrete(config, config.noise(), steps);
        Compilation compilation = new Compilation(config, levels);
        for (int i = skipped; i < steps; i++) {
            compilation.step(i, i - skipped);
        }
        return compilation.plan.build(levels.unitInitialScale(config), levels.unitMixture(skipped));
    }

    private static final class Compilation {
        private final SamplingPlan.Builder plan = new SamplingPlan.Builder();
        private final LinearForm x = LinearForm.of(SAMPLE);
        private final NoiseLevels levels;
        private final Prediction prediction;
        private final SamplingPlan.@Nullable Bound bound;
        private final int maxOrder;
        private final boolean ofPicture;
        private final double eta;
        private final boolean midpoint;
        private final boolean lowersLast;

        Compilation(SchedulerConfig config, NoiseLevels levels) {
            this.levels = levels;
            prediction = config.prediction();
            bound = config.bound(false);
            maxOrder = config.integer("solver_order", 2);
            if (maxOrder < 1 || maxOrder > 3) {
                throw config.fail("solver_order", "must be 1, 2 or 3, is " + maxOrder);
            }
            String algorithm =
                    config.choice("algorithm_type", "dpmsolver++", "dpmsolver", "sde-dpmsolver++", "sde-dpmsolver");
            ofPicture = algorithm.endsWith("++");
            eta = algorithm.startsWith("sde-") ? 1 : 0;
            if (eta > 0 && maxOrder > 2) {
                throw config.fail("solver_order", "must be 1 or 2 with algorithm_type " + algorithm);
            }
            midpoint = config.choice("solver_type", "midpoint", "heun").equals("midpoint");
            boolean endsAtZero = !config.endsAtSmallestSigma();
            if (endsAtZero && !ofPicture) {
                throw new IllegalArgumentException("algorithm_type " + algorithm
                        + " needs final_sigmas_type sigma_min: it divides by the last sigma");
            }
            lowersLast = config.flag("lower_order_final", false) || endsAtZero;
        }

        /** 1, 2, 3, 1, 2, 3 …, and 1 for the last where it would be the full order or ends without noise. */
        private int order(int i) {
            int order = 1 + i % maxOrder;
            boolean isLast = i == levels.steps() - 1;
            boolean lowers = lowersLast && order == maxOrder || levels.sigma(i + 1) == 0;
            return isLast && lowers ? 1 : order;
        }

        void step(int i, int done) {
            plan.call(levels.time(i), 1);
            for (int age = Math.min(done, maxOrder - 1); age > 0; age--) {
                plan.let(PREDICTIONS + age, LinearForm.of(PREDICTIONS + age - 1));
            }
            double signal = levels.signalRate(i);
            double noise = levels.noiseRate(i);
            LinearForm output = LinearForm.of(OUTPUT);
            LinearForm picture = plan.bounded(PREDICTIONS, prediction.picture(x, output, signal, noise), bound);
            LinearForm ofNoise = bound == null
                    ? prediction.noise(x, output, signal, noise)
                    : x.minus(picture.times(signal)).times(1 / noise);
            plan.let(PREDICTIONS, ofPicture ? picture : ofNoise);
            int order = Math.min(order(i), done + 1);
            if (order == 1) {
                plan.let(START, x);
            }
            plan.end(end(i, order));
        }

        private LinearForm end(int i, int order) {
            int from = i - order + 1;
            DpmSolverStep step = new DpmSolverStep(
                    levels.signalRate(from),
                    levels.noiseRate(from),
                    levels.signalRate(i + 1),
                    levels.noiseRate(i + 1),
                    ofPicture,
                    eta);
            LinearForm oldest = LinearForm.of(PREDICTIONS + order - 1);
            LinearForm next = LinearForm.of(START).times(step.kept()).plus(oldest.times(step.weight0()));
            LinearForm newest = order > 1 ? slope(step, i, from, 0) : oldest;
            if (order == 2) {
                next = next.plus(newest.times(midpoint ? step.weight0() / 2 : step.weight1()));
            } else if (order == 3 && midpoint) {
                next = next.plus(newest.times(step.weight1()));
            } else if (order == 3) {
                double r0 = share(step, i, from);
                double r1 = share(step, i - 1, from);
                LinearForm older = slope(step, i - 1, from, 1);
                LinearForm d1 = older.times(r0).minus(newest.times(r1)).times(1 / (r0 - r1));
                LinearForm d2 = newest.minus(older).times(2 / (r0 - r1));
                next = next.plus(d1.times(step.weight1())).plus(d2.times(step.weight2()));
            }
            return eta > 0 ? next.plus(plan.noise(levels.increment(i)).times(step.deviation())) : next;
        }

        /** The difference of a prediction from that at the step's beginning, over the share of the step between them. */
        private LinearForm slope(DpmSolverStep step, int at, int from, int age) {
            LinearForm oldest = LinearForm.of(PREDICTIONS + age + at - from);
            return LinearForm.of(PREDICTIONS + age).minus(oldest).times(1 / share(step, at, from));
        }

        private double share(DpmSolverStep step, int at, int from) {
            return (levels.lambda(at) - levels.lambda(from)) / step.h();
        }
    }
}
