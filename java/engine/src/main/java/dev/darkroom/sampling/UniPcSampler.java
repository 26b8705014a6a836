package dev.darkroom.sampling;

import static dev.darkroom.sampling.SamplingPlan.HISTORY;
import static dev.darkroom.sampling.SamplingPlan.OUTPUT;
import static dev.darkroom.sampling.SamplingPlan.SAMPLE;

import org.jspecify.annotations.Nullable;

/** UniPC: a multistep predictor, and a corrector that uses the next call's output to mend the step before (Zhao et al. 2023). */
final class UniPcSampler implements Sampler {
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
        private final SchedulerConfig config;
        private final NoiseLevels levels;
        private final SamplingPlan.@Nullable Bound bound;
        private final int maxOrder;
        private final boolean ofPicture;
        private final boolean bh1;
        private final boolean lowerOrderFinal;
        private final int last; // the slot of the sample before the previous step
        private int order; // of the previous step

        Compilation(SchedulerConfig config, NoiseLevels levels) {
            this.config = config;
            this.levels = levels;
            bound = config.bound(false);
            maxOrder = config.integer("solver_order", 2);
            ofPicture = config.flag("predict_x0", true);
            bh1 = config.choice("solver_type", "bh2", "bh1", "midpoint", "heun", "logrho")
                    .equals("bh1");
            lowerOrderFinal = config.flag("lower_order_final", true);
            last = HISTORY + maxOrder + 1;
        }

        /** The prediction made {@code ago} calls before the newest kept one. */
        private static LinearForm kept(int ago) {
            return LinearForm.of(HISTORY + ago);
        }

        void step(int i, int done) {
            plan.call(levels.time(i), 1);
            LinearForm x = LinearForm.of(SAMPLE);
            LinearForm predicted = predicted(x, i);
            if (done > 0 && !config.lists("disable_corrector", i - 1)) {
                x = plan.let(SAMPLE, corrected(predicted, i));
            }
            for (int age = Math.min(done, maxOrder - 1); age > 0; age--) {
                plan.let(HISTORY + age, kept(age - 1));
            }
            plan.let(HISTORY, predicted);
            int limit = lowerOrderFinal ? Math.min(maxOrder, levels.steps() - i) : maxOrder;
            order = levels.isEmpty(i) ? 1 : Math.min(limit, done + 1);
            plan.let(last, x);
            plan.end(update(x, i));
        }

        /** The prediction at this call, in a slot of its own because the sample changes before it is used. */
        private LinearForm predicted(LinearForm x, int i) {
            double signal = levels.signalRate(i);
            double noise = levels.noiseRate(i);
            LinearForm output = LinearForm.of(OUTPUT);
            int slot = HISTORY + maxOrder;
            if (!ofPicture) {
                return plan.let(slot, config.prediction().noise(x, output, signal, noise));
            }
            LinearForm picture = config.prediction().picture(x, output, signal, noise);
            return bound == null ? plan.let(slot, picture) : plan.bounded(slot, picture, bound);
        }

        private LinearForm corrected(LinearForm now, int i) {
            Basis basis = new Basis(i - 1, order, /* withEnd= */ true);
            LinearForm difference = now.minus(kept(0)).times(basis.rhos[order - 1]);
            for (int k = 1; k < order; k++) {
                difference = difference.plus(kept(k).minus(kept(0)).times(basis.rhos[k - 1] / basis.ratios[k - 1]));
            }
            return basis.carried(LinearForm.of(last)).minus(difference.times(basis.scale()));
        }

        private LinearForm update(LinearForm x, int i) {
            Basis basis = new Basis(i, order, /* withEnd= */ false);
            LinearForm next = basis.carried(x);
            for (int k = 1; k < order; k++) {
                LinearForm difference = kept(k).minus(kept(0)).times(basis.rhos[k - 1] / basis.ratios[k - 1]);
                next = next.minus(difference.times(basis.scale()));
            }
            return next;
        }

        /** The coefficients of a step from level i of a given order (Zhao et al. 2023, section 3.2). */
        private final class Basis {
            private final int i;
            private final double[] ratios;
            private final double[] rhos;
            private final double phi1;
            private final double b;

            Basis(int i, int basisOrder, boolean withEnd) {
                this.i = i;
                double h = levels.lambda(i + 1) - levels.lambda(i);
                double step = ofPicture ? -h : h;
                phi1 = Math.expm1(step);
                b = bh1 ? step : phi1;
                ratios = new double[basisOrder];
                for (int k = 1; k < basisOrder; k++) {
                    ratios[k - 1] = (levels.lambda(i - k) - levels.lambda(i)) / h;
                }
                ratios[basisOrder - 1] = 1;
                rhos = rhos(step, withEnd ? basisOrder : basisOrder - 1);
            }

            /** Solves Σ_k ratio_k^(m-1) ρ_k = φ_m for m = 1 … count; of one or two unknowns the published code takes 1/2. */
            private double[] rhos(double step, int count) {
                if (count <= 1) {
                    return new double[] {0.5};
                }
                double[][] matrix = new double[count][count + 1];
                double phi = phi1 / step - 1;
                double factorial = 1;
                for (int row = 0; row < count; row++) {
                    for (int k = 0; k < count; k++) {
                        matrix[row][k] = Math.pow(ratios[k], row);
                    }
                    matrix[row][count] = phi * factorial / b;
                    factorial *= row + 2;
                    phi = phi / step - 1 / factorial;
                }
                return LinearSystem.solve(matrix);
            }

            /** The step of order 1: what remains of the sample and the newest prediction. */
            LinearForm carried(LinearForm x) {
                double remains = ofPicture
                        ? levels.noiseRate(i + 1) / levels.noiseRate(i)
                        : levels.signalRate(i + 1) / levels.signalRate(i);
                return x.times(remains).minus(kept(0).times(rate() * phi1));
            }

            double scale() {
                return rate() * b;
            }

            private double rate() {
                return ofPicture ? levels.signalRate(i + 1) : levels.noiseRate(i + 1);
            }
        }
    }
}
