package dev.darkroom.sampling;

import static dev.darkroom.sampling.SamplingPlan.HISTORY;
import static dev.darkroom.sampling.SamplingPlan.OUTPUT;
import static dev.darkroom.sampling.SamplingPlan.SAMPLE;

import org.jspecify.annotations.Nullable;

/** DPM-Solver and DPM-Solver++, multistep, of order 1 to 3, as a differential equation or a stochastic one (Lu et al. 2022). */
final class DpmSolverSampler implements Sampler {
    private static final int FEW_STEPS = 15; // below this many, the last steps are of lower order

    private final Scaling scaling;

    DpmSolverSampler(Scaling scaling) {
        this.scaling = scaling;
    }

    @Override
    public SamplingPlan plan(SchedulerConfig config, int steps, int skipped) {
        NoiseLevels levels = scaling == Scaling.EDM
                ? NoiseLevels.ofRange(config, steps)
                : NoiseLevels.discrete(config, config.noise(), steps);
        Compilation compilation = new Compilation(config, levels, scaling);
        for (int i = skipped; i < steps; i++) {
            compilation.step(i, i - skipped);
        }
        return compilation.plan.build(scaling.initialScale(config, levels), scaling.mixture(levels, skipped));
    }

    private static final class Compilation {
        private final SamplingPlan.Builder plan = new SamplingPlan.Builder();
        private final LinearForm x = LinearForm.of(SAMPLE);
        private final NoiseLevels levels;
        private final Scaling scaling;
        private final Prediction prediction;
        private final SamplingPlan.@Nullable Bound bound;
        private final int maxOrder;
        private final boolean ofPicture; // DPM-Solver++ integrates the predicted picture, DPM-Solver the noise
        private final double eta; // 0 for the differential equation
        private final double noiseFactor;
        private final boolean midpoint;
        private final boolean lowerOrderFinal;
        private final boolean eulerAtFinal;
        private final boolean endsAtZero;
        private final double endScale; // of the last sample, to be picture + σ · noise where some is left

        Compilation(SchedulerConfig config, NoiseLevels levels, Scaling scaling) {
            this.levels = levels;
            this.scaling = scaling;
            prediction = config.prediction();
            bound = config.bound(false);
            maxOrder = config.integer("solver_order", 2);
            String algorithm =
                    config.choice("algorithm_type", "dpmsolver++", "dpmsolver", "sde-dpmsolver++", "sde-dpmsolver");
            ofPicture = algorithm.endsWith("++");
            eta = algorithm.startsWith("sde-") ? config.real("eta", 1) : 0;
            noiseFactor = config.real("s_noise", 1);
            if (eta > 0 && !ofPicture && maxOrder > 2) {
                throw new IllegalArgumentException(
                        "algorithm_type " + algorithm + " has solver_order 1 or 2, given " + maxOrder);
            }
            midpoint = config.choice("solver_type", "midpoint", "heun").equals("midpoint");
            // k-diffusion, whose schedules are asked for by name, lowers the order only where no noise is left.
            lowerOrderFinal =
                    config.flag("lower_order_final", true) && config.asked().isEmpty();
            endScale = config.asked().isPresent() ? 1 / scaling.signal(levels, levels.intervals()) : 1;
            eulerAtFinal = config.flag("euler_at_final", false);
            endsAtZero = levels.sigma(levels.intervals()) == 0;
            if (endsAtZero && !ofPicture) {
                throw new IllegalArgumentException("algorithm_type " + algorithm
                        + " needs final_sigmas_type sigma_min: it divides by the last sigma");
            }
        }

        void step(int i, int done) {
            plan.call(levels.time(i), scaling.input(levels, i));
            double signal = scaling.signal(levels, i);
            double noise = scaling.noise(levels, i);
            LinearForm output = LinearForm.of(OUTPUT);
            for (int age = Math.min(done, maxOrder - 1); age > 0; age--) {
                plan.let(HISTORY + age, LinearForm.of(HISTORY + age - 1));
            }
            if (bound != null) {
                LinearForm picture = plan.bounded(HISTORY, scaling.picture(prediction, x, output, levels, i), bound);
                plan.let(
                        HISTORY,
                        ofPicture ? picture : x.minus(picture.times(signal)).times(1 / noise));
            } else if (ofPicture) {
                plan.let(HISTORY, scaling.picture(prediction, x, output, levels, i));
            } else {
                plan.let(HISTORY, prediction.noise(x, output, signal, noise));
            }
            Update update = new Update(i);
            LinearForm next =
                    switch (order(i, done)) {
                        case 1 -> update.first();
                        case 2 -> update.second();
                        default -> update.third();
                    };
            plan.end(i == levels.steps() - 1 ? next.times(endScale) : next);
        }

        private int order(int i, int done) {
            int total = levels.steps();
            boolean few = lowerOrderFinal && total < FEW_STEPS;
            if (levels.isEmpty(i) || i == total - 1 && (eulerAtFinal || few || endsAtZero)) {
                return 1;
            }
            int limit = i == total - 2 && few ? 2 : maxOrder;
            return Math.min(Math.min(limit, maxOrder), done + 1);
        }

        /** The step from level i to the next, in the notation of the paper: D0 … are differences of predictions. */
        private final class Update {
            private final int i;
            private final DpmSolverStep step;
            private final LinearForm d0 = LinearForm.of(HISTORY);

            Update(int i) {
                this.i = i;
                this.step = new DpmSolverStep(
                        scaling.signal(levels, i),
                        scaling.noise(levels, i),
                        scaling.signal(levels, i + 1),
                        scaling.noise(levels, i + 1),
                        ofPicture,
                        eta);
            }

            LinearForm first() {
                return sum(d0.times(step.weight0()));
            }

            LinearForm second() {
                double r0 = (levels.lambda(i) - levels.lambda(i - 1)) / step.h();
                LinearForm d1 = d0.minus(LinearForm.of(HISTORY + 1)).times(1 / r0);
                return sum(d0.times(step.weight0()).plus(d1.times(midpoint ? step.weight0() / 2 : step.weight1())));
            }

            LinearForm third() {
                double r0 = (levels.lambda(i) - levels.lambda(i - 1)) / step.h();
                double r1 = (levels.lambda(i - 1) - levels.lambda(i - 2)) / step.h();
                LinearForm recent = d0.minus(LinearForm.of(HISTORY + 1)).times(1 / r0);
                LinearForm older = LinearForm.of(HISTORY + 1)
                        .minus(LinearForm.of(HISTORY + 2))
                        .times(1 / r1);
                LinearForm bend = recent.minus(older).times(1 / (r0 + r1));
                LinearForm d1 = recent.plus(bend.times(r0));
                return sum(
                        d0.times(step.weight0()).plus(d1.times(step.weight1())).plus(bend.times(step.weight2())));
            }

            /** What remains of the sample, plus the integral of the prediction, plus fresh noise for a stochastic equation. */
            private LinearForm sum(LinearForm integral) {
                LinearForm next = x.times(step.kept()).plus(integral);
                return eta > 0
                        ? next.plus(plan.noise(levels.increment(i)).times(step.deviation() * noiseFactor))
                        : next;
            }
        }
    }
}
