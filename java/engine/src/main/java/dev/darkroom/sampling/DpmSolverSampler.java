package dev.darkroom.sampling;

import static dev.darkroom.sampling.SamplingPlan.HISTORY;
import static dev.darkroom.sampling.SamplingPlan.OUTPUT;
import static dev.darkroom.sampling.SamplingPlan.SAMPLE;

import org.jspecify.annotations.Nullable;

/** DPM-Solver and DPM-Solver++, multistep, of order 1 to 3, as a differential equation or a stochastic one (Lu et al. 2022). */
final class DpmSolverSampler implements Sampler {
    private static final int FEW_STEPS = 15; // below this many, the last steps are of lower order

    @Override
    public SamplingPlan plan(SchedulerConfig config, int steps, int skipped, double eta) {
        NoiseLevels levels = NoiseLevels.discrete(config, config.noise(), steps);
        Compilation compilation = new Compilation(config, levels);
        for (int i = skipped; i < steps; i++) {
            compilation.step(i, i - skipped);
        }
        return compilation.plan.build(1, levels.unitMixture(skipped));
    }

    private static final class Compilation {
        private final SamplingPlan.Builder plan = new SamplingPlan.Builder();
        private final LinearForm x = LinearForm.of(SAMPLE);
        private final NoiseLevels levels;
        private final Prediction prediction;
        private final SamplingPlan.@Nullable Bound bound;
        private final int maxOrder;
        private final boolean ofPicture; // DPM-Solver++ integrates the predicted picture, DPM-Solver the noise
        private final boolean stochastic;
        private final boolean midpoint;
        private final boolean lowerOrderFinal;
        private final boolean eulerAtFinal;
        private final boolean endsAtZero;

        Compilation(SchedulerConfig config, NoiseLevels levels) {
            this.levels = levels;
            prediction = config.prediction();
            bound = config.bound(false);
            maxOrder = config.integer("solver_order", 2);
            String algorithm =
                    config.choice("algorithm_type", "dpmsolver++", "dpmsolver", "sde-dpmsolver++", "sde-dpmsolver");
            ofPicture = algorithm.endsWith("++");
            stochastic = algorithm.startsWith("sde-");
            if (stochastic && !ofPicture && maxOrder > 2) {
                throw new IllegalArgumentException(
                        "algorithm_type " + algorithm + " has solver_order 1 or 2, given " + maxOrder);
            }
            midpoint = config.choice("solver_type", "midpoint", "heun").equals("midpoint");
            lowerOrderFinal = config.flag("lower_order_final", true);
            eulerAtFinal = config.flag("euler_at_final", false);
            endsAtZero = !config.endsAtSmallestSigma();
            if (endsAtZero && !ofPicture) {
                throw new IllegalArgumentException("algorithm_type " + algorithm
                        + " needs final_sigmas_type sigma_min: it divides by the last sigma");
            }
        }

        void step(int i, int done) {
            plan.call(levels.time(i), 1);
            double signal = levels.signalRate(i);
            double noise = levels.noiseRate(i);
            LinearForm output = LinearForm.of(OUTPUT);
            for (int age = Math.min(done, maxOrder - 1); age > 0; age--) {
                plan.let(HISTORY + age, LinearForm.of(HISTORY + age - 1));
            }
            if (bound != null) {
                LinearForm picture = plan.bounded(HISTORY, prediction.picture(x, output, signal, noise), bound);
                plan.let(
                        HISTORY,
                        ofPicture ? picture : x.minus(picture.times(signal)).times(1 / noise));
            } else if (ofPicture) {
                plan.let(HISTORY, prediction.picture(x, output, signal, noise));
            } else {
                plan.let(HISTORY, prediction.noise(x, output, signal, noise));
            }
            plan.end(
                    switch (order(i, done)) {
                        case 1 -> new Update(i).first();
                        case 2 -> new Update(i).second();
                        default -> new Update(i).third();
                    });
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

        /** The step from level i to the next, in the notation of the paper: λ = ln(signal / noise), h its growth, D0 … differences of predictions. */
        private final class Update {
            private final int i;
            private final double h;
            private final LinearForm d0 = LinearForm.of(HISTORY);

            Update(int i) {
                this.i = i;
                this.h = levels.lambda(i + 1) - levels.lambda(i);
            }

            LinearForm first() {
                return sum(d0.times(weight0()));
            }

            LinearForm second() {
                double r0 = (levels.lambda(i) - levels.lambda(i - 1)) / h;
                LinearForm d1 = d0.minus(LinearForm.of(HISTORY + 1)).times(1 / r0);
                return sum(d0.times(weight0()).plus(d1.times(midpoint ? weight0() / 2 : weight1())));
            }

            LinearForm third() {
                double r0 = (levels.lambda(i) - levels.lambda(i - 1)) / h;
                double r1 = (levels.lambda(i - 1) - levels.lambda(i - 2)) / h;
                LinearForm recent = d0.minus(LinearForm.of(HISTORY + 1)).times(1 / r0);
                LinearForm older = LinearForm.of(HISTORY + 1)
                        .minus(LinearForm.of(HISTORY + 2))
                        .times(1 / r1);
                LinearForm bend = recent.minus(older).times(1 / (r0 + r1));
                LinearForm d1 = recent.plus(bend.times(r0));
                return sum(d0.times(weight0()).plus(d1.times(weight1())).plus(bend.times(weight2())));
            }

            /** What remains of the sample, plus the integral of the prediction, plus fresh noise for a stochastic equation. */
            private LinearForm sum(LinearForm integral) {
                double kept = ofPicture
                        ? levels.noiseRate(i + 1) / levels.noiseRate(i) * (stochastic ? Math.exp(-h) : 1)
                        : levels.signalRate(i + 1) / levels.signalRate(i);
                LinearForm next = x.times(kept).plus(integral);
                if (!stochastic) {
                    return next;
                }
                double variance = ofPicture ? -Math.expm1(-2 * h) : Math.expm1(2 * h);
                return next.plus(plan.noise().times(levels.noiseRate(i + 1) * Math.sqrt(variance)));
            }

            private double weight0() {
                if (ofPicture) {
                    return -levels.signalRate(i + 1) * Math.expm1(stochastic ? -2 * h : -h);
                }
                return -levels.noiseRate(i + 1) * Math.expm1(h) * (stochastic ? 2 : 1);
            }

            private double weight1() {
                if (ofPicture) {
                    double step = stochastic ? 2 * h : h;
                    return levels.signalRate(i + 1) * (Math.expm1(-step) / step + 1);
                }
                return -levels.noiseRate(i + 1) * (Math.expm1(h) / h - 1) * (stochastic ? 2 : 1);
            }

            private double weight2() {
                if (!ofPicture) {
                    return -levels.noiseRate(i + 1) * ((Math.expm1(h) - h) / (h * h) - 0.5);
                }
                double step = stochastic ? 2 * h : h;
                double curve = -(Math.expm1(-step) + step) / (step * step);
                // The stochastic form takes 1/2 with the other sign in diffusers, which its pictures depend on.
                return levels.signalRate(i + 1) * (stochastic ? curve - 0.5 : curve + 0.5);
            }
        }
    }
}
